// One HTTP response.

import { Body, typeOf } from './body.js';
import { Headers } from './headers.js';

const NO_BODY = [204, 205, 304];

/** A response: what a web role answers, or what `fetch` got. */
export class Response extends Body {
  #status;
  #statusText;
  #headers;

  constructor(body, init = {}) {
    super(body);
    this.#status = init.status ?? 200;
    this.#statusText = String(init.statusText ?? '');
    this.#headers = new Headers(init.headers);
    if (!Number.isInteger(this.#status) || this.#status < 200 || this.#status > 599) {
      throw new RangeError(`${this.#status} is no status of a response: 200 to 599`);
    }
    if (body != null && NO_BODY.includes(this.#status)) throw new TypeError(`a response ${this.#status} has no body`);
    const type = typeOf(body);
    if (type !== undefined && !this.#headers.has('content-type')) this.#headers.set('content-type', type);
  }

  /** A response of JSON. */
  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(JSON.stringify(value), { ...init, headers });
  }

  /** A response that sends its client elsewhere. */
  static redirect(url, status = 302) {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`${status} is no status of a redirection`);
    return new Response(null, { status, headers: { location: String(url) } });
  }

  get status() {
    return this.#status;
  }

  get statusText() {
    return this.#statusText;
  }

  get ok() {
    return this.#status >= 200 && this.#status < 300;
  }

  get headers() {
    return this.#headers;
  }
}
