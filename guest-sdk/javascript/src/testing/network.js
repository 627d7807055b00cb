// Connections in memory, between a role under test and its test.

import { NetError } from '../net/error.js';

const FIRST_EPHEMERAL = 49152;
const WINDOW = 64 * 1024;
const END = new Uint8Array(0);

/** The sockets of one double. Rules are the fabric's matter: everybody reaches everybody who listens. */
export class MemoryNetwork {
  #double;
  #listening = new Map();
  #sockets = new Map();
  #ephemeral = FIRST_EPHEMERAL;

  constructor(double) {
    this.#double = double;
  }

  /** `foreign`: on an address of another instance, as only a test can. */
  listen({ host, port }, { foreign = false } = {}) {
    const address = `${this.#own(host, 'listen on', port, foreign)}:${port === 0 ? this.#ephemeral++ : port}`;
    if (this.#listening.has(address)) throw new NetError(`listen on ${address}`, 'address-in-use');
    const listening = new Listening(address, () => this.#listening.delete(address));
    this.#listening.set(address, listening);
    return listening;
  }

  connect({ host, port }) {
    const peer = `${host}:${port}`;
    const listening = this.#listening.get(peer) ?? this.#listening.get(`0.0.0.0:${port}`);
    if (listening === undefined) throw new NetError(`connect to ${peer}`, 'connection-refused');
    const local = `${this.#double.view.current().endpoints[0]?.address ?? '10.0.0.4'}:${this.#ephemeral++}`;
    const [there, back] = [new Pipe(), new Pipe()];
    listening.offer(new Side(peer, local, there, back));
    return new Side(local, peer, back, there);
  }

  datagrams({ host, port }) {
    const address = `${this.#own(host, 'receive datagrams on', port)}:${port === 0 ? this.#ephemeral++ : port}`;
    if (this.#sockets.has(address)) throw new NetError(`receive datagrams on ${address}`, 'address-in-use');
    const socket = new Socket(address, this.#sockets);
    this.#sockets.set(address, socket);
    return socket;
  }

  /** The addresses of a role or instance that the role under test can see. */
  resolve(name) {
    const key = name.toLowerCase();
    const instances = this.#double.view.visible().flatMap(role => role.instances);
    const means = ({ id, role }) => {
      const number = id.slice(role.length + '_IN_'.length);
      return [role, id, `${number}.${role}`].some(other => other.toLowerCase() === key);
    };
    const addresses = instances.filter(means).map(instance => instance.endpoints[0]?.address);
    const found = addresses.filter(address => address !== undefined);
    if (found.length === 0) throw new NetError(`look up ${name}`, 'name-unresolvable');
    return found;
  }

  clear() {
    for (const listening of [...this.#listening.values()]) listening.close();
    this.#sockets.clear();
  }

  #own(host, what, port, foreign = false) {
    const own = this.#double.view.current().endpoints[0]?.address ?? '10.0.0.4';
    if (host === '0.0.0.0') return port === 0 ? own : host;
    if (!foreign && host !== own && !host.startsWith('127.')) throw new NetError(`${what} ${host}:${port}`, 'address-not-bindable');
    return host;
  }
}

class Listening {
  localAddress;
  #waiting = [];
  #wanted = [];
  #closed;

  constructor(address, closed) {
    this.localAddress = address;
    this.#closed = closed;
  }

  offer(side) {
    const wanted = this.#wanted.shift();
    if (wanted === undefined) this.#waiting.push(side);
    else wanted(side);
  }

  async accept() {
    if (this.#waiting.length > 0) return this.#waiting.shift();
    if (this.#closed === undefined) return undefined;
    return new Promise(resolve => this.#wanted.push(resolve));
  }

  close() {
    this.#closed?.();
    this.#closed = undefined;
    for (const side of this.#waiting.splice(0)) side.close();
    for (const wanted of this.#wanted.splice(0)) wanted(undefined);
  }
}

// One direction: bytes wait here until they are read; who writes waits while the window is full.
class Pipe {
  #chunks = [];
  #size = 0;
  #over = false;
  #reset = false;
  #moved = [];

  async read(what) {
    while (this.#chunks.length === 0) {
      if (this.#reset) throw new NetError(what, 'connection-reset');
      if (this.#over) return END;
      await this.#move();
    }
    const chunk = this.#chunks.shift();
    this.#size -= chunk.length;
    this.#wake();
    return chunk;
  }

  async write(bytes, what) {
    while (this.#size >= WINDOW && !this.#reset) await this.#move();
    if (this.#reset || this.#over) throw new NetError(what, 'connection-reset');
    this.#chunks.push(Uint8Array.from(bytes));
    this.#size += bytes.length;
    this.#wake();
  }

  end() {
    this.#over = true;
    this.#wake();
  }

  reset() {
    this.#reset = true;
    this.#wake();
  }

  #move() {
    return new Promise(resolve => this.#moved.push(resolve));
  }

  #wake() {
    for (const resolve of this.#moved.splice(0)) resolve();
  }
}

class Side {
  localAddress;
  peerAddress;
  #incoming;
  #outgoing;
  #closed = false;

  constructor(local, peer, incoming, outgoing) {
    this.localAddress = local;
    this.peerAddress = peer;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  async read() {
    const what = `read from ${this.peerAddress}`;
    if (this.#closed) throw new NetError(what, 'closed');
    try {
      return await this.#incoming.read(what);
    } catch (error) {
      throw this.#closed ? new NetError(what, 'closed') : error;
    }
  }

  async write(bytes) {
    const what = `write to ${this.peerAddress}`;
    if (this.#closed) throw new NetError(what, 'closed');
    await this.#outgoing.write(bytes, what);
  }

  async shutdown() {
    this.#outgoing.end();
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#outgoing.end();
    this.#incoming.reset();
  }
}

class Socket {
  localAddress;
  #sockets;
  #waiting = [];
  #wanted = [];

  constructor(address, sockets) {
    this.localAddress = address;
    this.#sockets = sockets;
  }

  async send(bytes, { host, port }) {
    // A datagram to nobody is lost.
    this.#sockets.get(`${host}:${port}`)?.arrive({ bytes: Uint8Array.from(bytes), from: this.localAddress });
  }

  arrive(datagram) {
    const wanted = this.#wanted.shift();
    if (wanted === undefined) this.#waiting.push(datagram);
    else wanted.resolve(datagram);
  }

  async receive() {
    if (this.#waiting.length > 0) return this.#waiting.shift();
    return new Promise((resolve, reject) => this.#wanted.push({ resolve, reject }));
  }

  close() {
    this.#sockets.delete(this.localAddress);
    for (const { reject } of this.#wanted.splice(0)) reject(new NetError(`receive on ${this.localAddress}`, 'closed'));
  }
}
