// Sockets of WASI 0.3.

import lookup from 'wasi:sockets/ip-name-lookup@0.3.0';
import wasi from 'wasi:sockets/types@0.3.0';
import { NetError } from '../net/error.js';
import { code, detail } from './errors.js';
import { Incoming, Outgoing } from './streams.js';
import { SOCKET_BYTES } from './types.js';

const CHUNK = 64 * 1024;

/** Connects, and gives the two directions of the connection. */
export async function connect({ host, port }) {
  const what = `connect to ${host}:${port}`;
  const socket = attempt(what, () => wasi.TcpSocket.create('ipv4'));
  try {
    await socket.connect(toWasi({ host, port }));
  } catch (error) {
    socket[Symbol.dispose]();
    throw failure(what, error);
  }
  return new Connection(socket);
}

/** Binds and listens. */
export function listen({ host, port }) {
  const what = `listen on ${host}:${port}`;
  const socket = attempt(what, () => wasi.TcpSocket.create('ipv4'));
  attempt(what, () => socket.bind(toWasi({ host, port })));
  const incoming = attempt(what, () => socket.listen());
  return new Listening(socket, incoming);
}

/** Binds a UDP socket. */
export function datagrams({ host, port }) {
  const what = `receive datagrams on ${host}:${port}`;
  const socket = attempt(what, () => wasi.UdpSocket.create('ipv4'));
  attempt(what, () => socket.bind(toWasi({ host, port })));
  return new Udp(socket);
}

/** The IPv4 addresses of a name. */
export async function resolve(name) {
  try {
    const addresses = await lookup.resolveAddresses(name);
    return addresses.filter(({ tag }) => tag === 'ipv4').map(({ val }) => Array.from(val).join('.'));
  } catch (error) {
    throw failure(`look up ${name}`, error);
  }
}

class Listening {
  #socket;
  #incoming;
  localAddress;

  constructor(socket, incoming) {
    this.#socket = socket;
    this.#incoming = new Incoming(incoming);
    this.localAddress = fromWasi(socket.getLocalAddress());
  }

  async accept() {
    const sockets = await this.#incoming.read(1);
    return sockets.length === 0 ? undefined : new Connection(sockets[0]);
  }

  close() {
    this.#incoming.close();
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

class Connection {
  #socket;
  #incoming;
  #received;
  #outgoing;
  #sent;
  localAddress;
  peerAddress;

  constructor(socket) {
    this.#socket = socket;
    this.localAddress = addressOr(() => socket.getLocalAddress());
    this.peerAddress = addressOr(() => socket.getRemoteAddress());
    const [stream, received] = socket.receive();
    this.#incoming = new Incoming(stream);
    this.#received = received;
    const { readable, writable } = wit.Stream(SOCKET_BYTES);
    this.#outgoing = new Outgoing(writable);
    this.#sent = socket.send(readable);
  }

  async read() {
    const what = `read from ${this.peerAddress}`;
    const bytes = await this.#incoming.read(CHUNK);
    if (bytes.length > 0) return bytes;
    if (this.#socket === undefined) throw new NetError(what, 'closed');
    await this.#ended('#received', what);
    return bytes;
  }

  async write(bytes) {
    const what = `write to ${this.peerAddress}`;
    if (await this.#outgoing.write(bytes)) return;
    if (this.#socket === undefined) throw new NetError(what, 'closed');
    await this.#ended('#sent', what);
    throw new NetError(what, 'connection-broken');
  }

  async shutdown() {
    this.#outgoing.close();
    await this.#ended('#sent', `write to ${this.peerAddress}`);
  }

  // What the host says when a direction is over: once, or it is asked no more.
  async #ended(direction, what) {
    const future = direction === '#sent' ? this.#sent : this.#received;
    if (direction === '#sent') this.#sent = undefined;
    else this.#received = undefined;
    if (future === undefined) return;
    const result = await future.read();
    future.drop();
    if (result?.tag === 'err') throw failure(what, result.val);
  }

  close() {
    if (this.#socket === undefined) return;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#incoming.close();
    this.#outgoing.close();
    this.#received?.drop();
    this.#received = undefined;
    this.#sent?.drop();
    this.#sent = undefined;
    socket[Symbol.dispose]();
  }
}

class Udp {
  #socket;
  #closed = false;
  #busy = 0;
  localAddress;

  constructor(socket) {
    this.#socket = socket;
    this.localAddress = fromWasi(socket.getLocalAddress());
  }

  send(bytes, address) {
    return this.#use(`send to ${address.host}:${address.port}`, socket => socket.send(bytes, toWasi(address)));
  }

  async receive() {
    const [bytes, from] = await this.#use(`receive on ${this.localAddress}`, socket => socket.receive());
    return { bytes, from: fromWasi(from) };
  }

  async #use(what, work) {
    if (this.#closed) throw new NetError(what, 'closed');
    let result;
    try {
      result = await this.#held(() => work(this.#socket));
    } catch (error) {
      if (!this.#closed) throw failure(what, error);
    }
    if (this.#closed) throw new NetError(what, 'closed');
    return result;
  }

  async #held(work) {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      if (this.#closed) this.#release();
    }
  }

  // What waits for a datagram cannot be called off, and the socket cannot go before it: a datagram from itself ends the wait.
  close() {
    if (this.#closed) return;
    this.#closed = true;
    const [, host, port] = /^(.*):(\d+)$/.exec(this.localAddress);
    const own = toWasi({ host: host === '0.0.0.0' ? '127.0.0.1' : host, port: Number(port) });
    for (let waiting = this.#busy; waiting > 0; waiting--) {
      this.#held(() => this.#socket.send(new Uint8Array(0), own)).catch(() => {});
    }
    this.#release();
  }

  #release() {
    if (this.#busy > 0) return;
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

const toWasi = ({ host, port }) => ({ tag: 'ipv4', val: { port, address: host.split('.').map(Number) } });

function fromWasi({ tag, val: { address, port } }) {
  if (tag === 'ipv4') return `${Array.from(address).join('.')}:${port}`;
  return `[${Array.from(address, part => part.toString(16)).join(':')}]:${port}`;
}

// A connection may be over before anybody asks who it was.
function addressOr(ask) {
  try {
    return fromWasi(ask());
  } catch {
    return 'an unknown address';
  }
}

function attempt(what, action) {
  try {
    return action();
  } catch (error) {
    throw failure(what, error);
  }
}

function failure(what, error) {
  return error instanceof NetError ? error : new NetError(what, code(error), detail(error));
}
