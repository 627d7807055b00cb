// One HTTP request.

import { Body, typeOf } from './body.js';
import { Headers, NAME } from './headers.js';
import { URL } from './url.js';

const RECEIVED = Symbol('received');

/** A request: one that a web role is asked, or one for `fetch`. */
export class Request extends Body {
  #method;
  #url;
  #headers;

  constructor(input, init = {}) {
    if (input === RECEIVED) {
      super(init.body);
      this.#method = init.method;
      this.#url = init.url;
      this.#headers = init.headers;
      return;
    }
    const from = input instanceof Request ? input : undefined;
    super(init.body ?? from?.body);
    this.#method = String(init.method ?? from?.method ?? 'GET').toUpperCase();
    if (!NAME.test(this.#method)) throw new TypeError(`${JSON.stringify(this.#method)} is no method of HTTP`);
    this.#url = from ? from.url : new URL(String(input)).href;
    this.#headers = new Headers(init.headers ?? from?.headers);
    const type = typeOf(init.body);
    if (type !== undefined && !this.#headers.has('content-type')) this.#headers.set('content-type', type);
    if (init.body != null && ['GET', 'HEAD'].includes(this.#method)) {
      throw new TypeError(`a ${this.#method} request has no body`);
    }
  }

  get method() {
    return this.#method;
  }

  /** The whole address: `http://shop.example/orders?page=2`. */
  get url() {
    return this.#url;
  }

  get headers() {
    return this.#headers;
  }
}

/** A request that came in: the host has checked its parts. */
export const receivedRequest = parts => new Request(RECEIVED, parts);
