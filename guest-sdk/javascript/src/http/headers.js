// Header fields, as the web's `Headers`: names in any case, values as text.

import { encode, toBytes } from '../text.js';

/** What a name may be made of: of a header, and of a method. */
export const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\uffff]*$/;

class Received {
  constructor(fields) {
    this.fields = fields;
  }
}

/** Header fields that came in: the host has checked them. */
export const receivedHeaders = fields => new Headers(new Received(fields));

/** Header fields of a request or a response. */
export class Headers {
  #fields = [];

  constructor(init) {
    if (init instanceof Received) {
      this.#fields = init.fields;
      return;
    }
    if (init === undefined || init === null) return;
    const entries = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
    for (const [name, value] of entries) this.append(name, value);
  }

  append(name, value) {
    this.#fields.push([checkedName(name), checkedValue(name, value)]);
  }

  set(name, value) {
    const key = checkedName(name);
    const text = checkedValue(name, value);
    this.delete(key);
    this.#fields.push([key, text]);
  }

  delete(name) {
    const key = String(name).toLowerCase();
    this.#fields = this.#fields.filter(([field]) => field !== key);
  }

  has(name) {
    const key = String(name).toLowerCase();
    return this.#fields.some(([field]) => field === key);
  }

  get(name) {
    const key = String(name).toLowerCase();
    const values = this.#fields.filter(([field]) => field === key).map(([, value]) => value);
    return values.length === 0 ? null : values.join(', ');
  }

  getSetCookie() {
    return this.#fields.filter(([field]) => field === 'set-cookie').map(([, value]) => value);
  }

  forEach(action) {
    for (const [name, value] of this) action(value, name, this);
  }

  *entries() {
    const names = [...new Set(this.#fields.map(([name]) => name))].sort();
    for (const name of names) {
      if (name === 'set-cookie') yield* this.getSetCookie().map(value => [name, value]);
      else yield [name, this.get(name)];
    }
  }

  *keys() {
    for (const [name] of this) yield name;
  }

  *values() {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

function checkedName(name) {
  if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(String(name))} is no name of a header`);
  return String(name).toLowerCase();
}

function checkedValue(name, value) {
  const text = String(value).replace(/^[\t\r\n ]+|[\t\r\n ]+$/g, '');
  if (!VALUE.test(text)) throw new TypeError(`the header ${name} cannot have the value ${JSON.stringify(text)}`);
  return text;
}

// Header values are bytes. Each is one character here; what is beyond those is sent as UTF-8.

/** The bytes of a value. */
export function latin(value) {
  const bytes = new Uint8Array(value.length);
  for (let place = 0; place < value.length; place++) {
    const unit = value.charCodeAt(place);
    if (unit > 0xff) return encode(value);
    bytes[place] = unit;
  }
  return bytes;
}

/** The value of these bytes. */
export const textOf = bytes => String.fromCharCode.apply(null, toBytes(bytes));
