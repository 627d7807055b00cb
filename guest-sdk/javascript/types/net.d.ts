/** TCP and UDP. What an instance may bind and reach is what the service definition says. */

import type { Target } from './index.js';

/**
 * Connects; of a name's addresses the first that answers counts. With `timeout`, milliseconds, it is given up when that is over, with an error
 * with the code `timeout`.
 */
export function connect(target: Target, options?: { timeout?: number }): Promise<TcpStream>;
/** Listens on an endpoint of this instance, or on an address of its own. */
export function listen(target: Target): Promise<TcpListener>;
/** Opens a UDP socket on an endpoint of this instance, or on an address of its own; without an address on a free port. */
export function datagrams(target?: Target): Promise<Datagrams>;
/** The addresses of a role (`Worker`), of an instance (`Worker_IN_0`, `0.Worker`), or of a host outside that this role may reach. */
export function resolve(name: string): Promise<string[]>;

/** Takes connections: `for await (const stream of listener)`. */
export class TcpListener implements AsyncIterable<TcpStream> {
  private constructor();
  /** Where it listens: `10.0.0.4:20000`. */
  get localAddress(): string;
  /** The next connection, or undefined when the listener was closed. */
  accept(): Promise<TcpStream | undefined>;
  /** Takes no more connections, and frees the port. */
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<TcpStream>;
}

/** A connection. Reading and writing may go on at the same time; two reads, or two writes, may not. */
export class TcpStream implements AsyncIterable<Uint8Array> {
  private constructor();
  /** This side. */
  get localAddress(): string;
  /** The other side. */
  get peerAddress(): string;
  /** The next bytes as they come, or undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Everything up to the end; an error with the code `too-long` if that is more than `limit` bytes (default: 16 MiB). */
  readAll(limit?: number): Promise<Uint8Array>;
  /**
   * The next line without its end, or undefined when there is none; a last line needs no end. A line of more than `limit` bytes
   * (default: 64 KiB) is an error with the code `too-long`.
   */
  readLine(limit?: number): Promise<string | undefined>;
  /** Writes a text or bytes, and waits until there is room for them. */
  write(data: string | Uint8Array): Promise<void>;
  /** Says that nothing more will be written, when all that was has been taken. The other direction goes on. */
  shutdown(): Promise<void>;
  /** Writes this, if anything, and says that nothing more will be written. */
  end(data?: string | Uint8Array): Promise<void>;
  /** Ends the connection in both directions; what waits for it gets an error with the code `closed`. */
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array>;
}

/** A UDP socket. */
export class Datagrams {
  private constructor();
  /** Where it receives: `10.0.0.4:20000`. */
  get localAddress(): string;
  /** Sends one datagram. */
  send(data: string | Uint8Array, target: Target): Promise<void>;
  /** The next datagram, and where it came from. */
  receive(): Promise<{ bytes: Uint8Array; from: string }>;
  /** Frees the port; who waits for a datagram gets an error with the code `closed`. */
  close(): void;
}

/** Something that did not work on the network. */
export class NetError extends Error {
  private constructor();
  /** For programs: `access-denied`, `connection-refused`, `connection-reset`, `closed`, `too-long`, … */
  readonly code: string;
}
