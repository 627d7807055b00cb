// What people expect to be there in JavaScript and the engine does not have. It is installed before the role's own module runs.

import insecure from 'wasi:random/insecure@0.3.0';
import random from 'wasi:random/random@0.3.0';
import { fetch } from '../http/fetch.js';
import { Headers } from '../http/headers.js';
import { Request } from '../http/request.js';
import { Response } from '../http/response.js';
import { URL, URLSearchParams } from '../http/url.js';
import { line } from '../inspect.js';
import { decode, encode, toBytes } from '../text.js';
import { whenAwake } from './awake.js';
import { later } from './clock.js';
import { write } from './output.js';

const out = (...values) => write('stdout', line(values));
const complain = (...values) => write('stderr', line(values));

const console = { log: out, info: out, debug: out, warn: complain, error: complain };

class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  encode(text = '') {
    return encode(String(text));
  }
}

class TextDecoder {
  #fatal;

  constructor(encoding = 'utf-8', { fatal = false } = {}) {
    if (!/^utf-?8$/i.test(encoding)) throw new RangeError(`there is no decoder for ${encoding}, only for utf-8`);
    this.#fatal = fatal;
  }

  get encoding() {
    return 'utf-8';
  }

  decode(bytes = new Uint8Array(0)) {
    const text = decode(toBytes(bytes), this.#fatal);
    return text.startsWith('\ufeff') ? text.slice(1) : text;
  }
}

const running = new Map();
let lastTimer = 0;

function setTimeout(action, milliseconds, ...values) {
  const id = ++lastTimer;
  const cancel = later(milliseconds, () => {
    running.delete(id);
    action(...values);
  });
  running.set(id, cancel);
  return id;
}

function setInterval(action, milliseconds, ...values) {
  const id = ++lastTimer;
  const again = () => {
    running.set(id, later(Math.max(milliseconds, 1), again));
    action(...values);
  };
  running.set(id, later(Math.max(milliseconds, 1), again));
  return id;
}

function clearTimeout(id) {
  running.get(id)?.();
  running.delete(id);
}

const crypto = {
  getRandomValues(array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    let at = 0;
    while (at < bytes.length) {
      const some = toBytes(random.getRandomBytes(bytes.length - at));
      bytes.set(some, at);
      at += some.length;
    }
    return array;
  },

  randomUUID() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const digits = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },
};

// The engine's own seed is part of the snapshot: every instance would draw the same numbers, and those drawn in advance too.
const POOL = 512;
let pool = new Uint8Array(0);
let drawn = 0;

whenAwake(() => {
  pool = new Uint8Array(0);
  drawn = 0;
});

function randomNumber() {
  if (drawn + 8 > pool.length) {
    pool = toBytes(insecure.getInsecureRandomBytes(POOL));
    drawn = 0;
  }
  const view = new DataView(pool.buffer, pool.byteOffset + drawn, 8);
  drawn += 8;
  return ((view.getUint32(0) >>> 5) * 2 ** 26 + (view.getUint32(4) >>> 6)) / 2 ** 53;
}

Math.random = randomNumber;
Object.assign(globalThis, {
  Headers,
  Request,
  Response,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  clearInterval: clearTimeout,
  clearTimeout,
  console,
  crypto,
  fetch,
  setInterval,
  setTimeout,
});
