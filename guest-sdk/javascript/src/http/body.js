// Bodies: what a request or a response carries.

import { decode, joined, toBytes } from '../text.js';

/** The most bytes that are read of a body, unless the reader names another bound. */
export const LARGEST_BODY = 1024 * 1024;

/** A body has more bytes than its reader allows. */
export class BodyTooLong extends Error {
  constructor(limit, message) {
    super(`the body has more than ${limit} bytes`);
    this.name = 'BodyTooLong';
    this.limit = limit;
    // The request or response whose body it is.
    Object.defineProperty(this, 'of', { value: message });
  }
}

/** What `Request` and `Response` have in common. */
export class Body {
  #content;
  #used = false;

  // Nothing, text, bytes, or an asynchronous iterable of those.
  constructor(content) {
    this.#content = content ?? undefined;
  }

  /** The body as it comes, in pieces; null if there is none. Once it is asked for, it can be read nowhere else. */
  get body() {
    return this.#content === undefined ? null : this.#pieces();
  }

  /** Whether somebody has read it. */
  get bodyUsed() {
    return this.#used;
  }

  async bytes(limit = LARGEST_BODY) {
    const chunks = [];
    let size = 0;
    for await (const chunk of this.#pieces()) {
      size += chunk.length;
      if (size > limit) throw new BodyTooLong(limit, this);
      chunks.push(chunk);
    }
    return joined(chunks);
  }

  async text(limit) {
    return decode(await this.bytes(limit));
  }

  async json(limit) {
    return JSON.parse(await this.text(limit));
  }

  async arrayBuffer(limit) {
    const bytes = await this.bytes(limit);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }

  /** The bytes, if they are all there already; undefined for a body that comes in pieces. */
  whole() {
    if (this.#content === undefined) return new Uint8Array(0);
    return isIterable(this.#content) ? undefined : toBytes(this.#content);
  }

  async *#pieces() {
    if (this.#used) throw new TypeError('the body has been read already');
    this.#used = true;
    if (this.#content === undefined) return;
    if (!isIterable(this.#content)) {
      yield toBytes(this.#content);
      return;
    }
    for await (const piece of this.#content) yield toBytes(piece);
  }
}

function isIterable(content) {
  if (typeof content !== 'object' || content instanceof String || ArrayBuffer.isView(content)) return false;
  return Symbol.asyncIterator in content || Symbol.iterator in content;
}

/** What `content` is, for a `content-type` that nobody gave. */
export function typeOf(content) {
  return typeof content === 'string' ? 'text/plain;charset=UTF-8' : undefined;
}
