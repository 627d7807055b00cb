// Connections that come in.

import { TcpStream } from './stream.js';

/** Takes connections: `for await (const stream of listener)`. */
export class TcpListener {
  #listening;

  constructor(listening) {
    this.#listening = listening;
  }

  /** Where it listens: `10.0.0.4:20000`. */
  get localAddress() {
    return this.#listening.localAddress;
  }

  /** The next connection, or undefined when the listener was closed. */
  async accept() {
    const connection = await this.#listening.accept();
    return connection === undefined ? undefined : new TcpStream(connection);
  }

  /** Takes no more connections, and frees the port. */
  close() {
    this.#listening.close();
  }

  async *[Symbol.asyncIterator]() {
    for (let stream = await this.accept(); stream !== undefined; stream = await this.accept()) yield stream;
  }
}
