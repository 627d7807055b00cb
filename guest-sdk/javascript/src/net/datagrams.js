// UDP.

import { toBytes } from '../text.js';
import { addressesOf, parsed } from './address.js';

/** A UDP socket. */
export class Datagrams {
  #socket;

  constructor(socket) {
    this.#socket = socket;
  }

  /** Where it receives: `10.0.0.4:20000`. */
  get localAddress() {
    return this.#socket.localAddress;
  }

  /** Sends one datagram to an endpoint or an address. */
  async send(data, target) {
    const { host, port } = parsed(target);
    const [address] = await addressesOf(host);
    await this.#socket.send(toBytes(data), { host: address, port });
  }

  /** The next datagram: its bytes, and `from`, the address that it came from. */
  async receive() {
    return this.#socket.receive();
  }

  /** Frees the port. */
  close() {
    this.#socket.close();
  }
}
