// Addresses of the web. Not the whole standard: what requests need, of `http` and `https`.

import { decode, encode } from '../text.js';

const WHOLE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/;
const RELATIVE = /^([^?#]*)(\?[^#]*)?(#.*)?$/;
const AUTHORITY = /^(?:[^@]*@)?(\[[0-9A-Fa-f:.]+\]|[^:[\]]*)(?::(\d*))?$/;
const PORTS = { 'http:': '80', 'https:': '443' };

/** The parts of an address. */
export class URL {
  #parameters;

  constructor(text, base) {
    const whole = WHOLE.exec(String(text).trim()) ?? resolved(String(text).trim(), base);
    if (whole === null) throw new TypeError(`${JSON.stringify(String(text))} is no address, such as http://Worker:8080/path`);
    const [, scheme, authority, path, query, hash] = whole;
    const host = AUTHORITY.exec(authority);
    if (host === null || host[1] === '') throw new TypeError(`${JSON.stringify(String(text))} has no host`);
    this.protocol = `${scheme.toLowerCase()}:`;
    this.hostname = host[1].toLowerCase();
    this.port = host[2] === undefined || host[2] === PORTS[this.protocol] ? '' : host[2];
    if (Number(this.port) > 65535) throw new TypeError(`${this.port} is no port`);
    this.pathname = encoded(withoutDots(path || '/'), /[^\x21\x24-\x3b\x3d\x40-\x5f\x61-\x7a\x7c\x7e%]/gu);
    this.hash = hash === undefined || hash === '#' ? '' : encoded(hash, /[^\x21\x23-\x3b\x3d\x3f-\x5f\x61-\x7e%]/gu);
    const search = query === undefined ? '' : encoded(query.slice(1), /[^\x21\x24-\x26\x28-\x3b\x3d\x3f-\x7e%]/gu);
    this.#parameters = new URLSearchParams(search);
    this.#raw = search;
  }

  #raw;

  get host() {
    return this.port === '' ? this.hostname : `${this.hostname}:${this.port}`;
  }

  get origin() {
    return `${this.protocol}//${this.host}`;
  }

  get search() {
    const query = this.#parameters.changed ? this.#parameters.toString() : this.#raw;
    return query === '' ? '' : `?${query}`;
  }

  get searchParams() {
    return this.#parameters;
  }

  get href() {
    return `${this.origin}${this.pathname}${this.search}${this.hash}`;
  }

  toString() {
    return this.href;
  }

  toJSON() {
    return this.href;
  }

  static canParse(text, base) {
    try {
      return Boolean(new URL(text, base));
    } catch {
      return false;
    }
  }
}

function resolved(text, base) {
  if (base === undefined) return null;
  const from = new URL(String(base));
  if (text.startsWith('//')) return WHOLE.exec(`${from.protocol}${text}`);
  const [, path, query, hash] = RELATIVE.exec(text);
  let target = path;
  if (path === '') target = from.pathname;
  else if (!path.startsWith('/')) target = from.pathname.replace(/[^/]*$/, '') + path;
  const search = path === '' && query === undefined ? from.search : query;
  return WHOLE.exec(`${from.origin}${target}${search ?? ''}${hash ?? ''}`);
}

function withoutDots(path) {
  const kept = [];
  const parts = path.split('/');
  parts.forEach((part, n) => {
    const plain = part.replace(/%2e/gi, '.');
    const last = n === parts.length - 1;
    if (plain === '..') {
      if (kept.length > 1) kept.pop();
      if (last) kept.push('');
    } else if (plain === '.') {
      if (last) kept.push('');
    } else {
      kept.push(part);
    }
  });
  return kept.join('/');
}

const percent = text => Array.from(encode(text), byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
const encoded = (text, outside) => text.replace(outside, percent);

/** The names and values after the `?`. */
export class URLSearchParams {
  #pairs = [];
  changed = false;

  constructor(init = '') {
    Object.defineProperty(this, 'changed', { enumerable: false });
    if (typeof init === 'string') {
      const text = init.startsWith('?') ? init.slice(1) : init;
      this.#pairs = text
        .split('&')
        .filter(part => part !== '')
        .map(part => {
          const equals = part.indexOf('=');
          return equals < 0 ? [plain(part), ''] : [plain(part.slice(0, equals)), plain(part.slice(equals + 1))];
        });
    } else {
      const entries = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
      this.#pairs = Array.from(entries, ([name, value]) => [String(name), String(value)]);
    }
  }

  get(name) {
    return this.#pairs.find(([key]) => key === String(name))?.[1] ?? null;
  }

  getAll(name) {
    return this.#pairs.filter(([key]) => key === String(name)).map(([, value]) => value);
  }

  has(name) {
    return this.#pairs.some(([key]) => key === String(name));
  }

  append(name, value) {
    this.changed = true;
    this.#pairs.push([String(name), String(value)]);
  }

  set(name, value) {
    const place = this.#pairs.findIndex(([key]) => key === String(name));
    this.delete(name);
    this.#pairs.splice(place < 0 ? this.#pairs.length : place, 0, [String(name), String(value)]);
  }

  delete(name) {
    this.changed = true;
    this.#pairs = this.#pairs.filter(([key]) => key !== String(name));
  }

  get size() {
    return this.#pairs.length;
  }

  entries() {
    return this.#pairs.map(pair => [...pair])[Symbol.iterator]();
  }

  keys() {
    return this.#pairs.map(([name]) => name)[Symbol.iterator]();
  }

  values() {
    return this.#pairs.map(([, value]) => value)[Symbol.iterator]();
  }

  forEach(action) {
    for (const [name, value] of this.#pairs) action(value, name, this);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toString() {
    return this.#pairs.map(pair => pair.map(form).join('=')).join('&');
  }
}

const form = text => text.replace(/[^0-9A-Za-z*._-]/gu, character => (character === ' ' ? '+' : percent(character)));

// What follows a `%` and is no number stays as it is.
function plain(text) {
  const spaced = text.replace(/\+/g, ' ');
  if (!spaced.includes('%')) return spaced;
  const bytes = encode(spaced);
  const result = [];
  for (let at = 0; at < bytes.length; at++) {
    const digits = bytes[at] === 0x25 ? String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0) : '';
    if (/^[0-9A-Fa-f]{2}$/.test(digits)) {
      result.push(parseInt(digits, 16));
      at += 2;
    } else {
      result.push(bytes[at]);
    }
  }
  return decode(Uint8Array.from(result));
}
