// One TCP connection.

import { decode, joined, toBytes } from '../text.js';
import { NetError } from './error.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const LONGEST_LINE = 64 * 1024;

/** A connection. Reading and writing may go on at the same time; two reads, or two writes, may not. */
export class TcpStream {
  #connection;
  #rest = new Uint8Array(0);

  constructor(connection) {
    this.#connection = connection;
  }

  /** This side, `10.0.0.4:49152`. */
  get localAddress() {
    return this.#connection.localAddress;
  }

  /** The other side, `10.0.0.5:20000`. */
  get peerAddress() {
    return this.#connection.peerAddress;
  }

  /** The next bytes as they come, or undefined at the end. */
  async read() {
    if (this.#rest.length > 0) {
      const bytes = this.#rest;
      this.#rest = new Uint8Array(0);
      return bytes;
    }
    const bytes = await this.#connection.read();
    return bytes.length === 0 ? undefined : bytes;
  }

  /** Everything up to the end; an error if that is more than `limit` bytes. */
  async readAll(limit = 16 * 1024 * 1024) {
    const chunks = [];
    let size = 0;
    for await (const bytes of this) {
      chunks.push(bytes);
      size += bytes.length;
      if (size > limit) throw new NetError(`read from ${this.peerAddress}`, 'too-long', `more than ${limit} bytes`);
    }
    return joined(chunks);
  }

  /**
   * The next line without its end (`\n` or `\r\n`), or undefined when there is none; a last line needs no end. A line of more than
   * `limit` bytes is an error with the code `too-long`.
   */
  async readLine(limit = LONGEST_LINE) {
    const chunks = [];
    let size = 0;
    for (let bytes = await this.read(); bytes !== undefined; bytes = await this.read()) {
      const end = bytes.indexOf(LINE_FEED);
      const part = end < 0 ? bytes : bytes.subarray(0, end);
      chunks.push(part);
      size += part.length;
      if (end >= 0) this.#rest = bytes.subarray(end + 1);
      if (size > limit) throw new NetError(`read a line from ${this.peerAddress}`, 'too-long', `more than ${limit} bytes`);
      if (end >= 0) return text(chunks);
    }
    return size === 0 ? undefined : text(chunks);
  }

  /** Writes a text or bytes, and waits until there is room for them. */
  async write(data) {
    const bytes = toBytes(data);
    if (bytes.length > 0) await this.#connection.write(bytes);
  }

  /** Says that nothing more will be written, when all that was has been taken. The other direction goes on. */
  async shutdown() {
    await this.#connection.shutdown();
  }

  /** Writes this, if anything, and says that nothing more will be written. */
  async end(data) {
    if (data !== undefined) await this.write(data);
    await this.shutdown();
  }

  /** Ends the connection in both directions; what waits for it gets an error with the code `closed`. */
  close() {
    this.#connection.close();
  }

  async *[Symbol.asyncIterator]() {
    for (let bytes = await this.read(); bytes !== undefined; bytes = await this.read()) yield bytes;
  }
}

function text(chunks) {
  const line = joined(chunks);
  return decode(line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line);
}
