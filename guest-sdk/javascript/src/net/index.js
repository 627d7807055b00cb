// TCP and UDP. What an instance may bind and reach is what the service definition says.

import * as sockets from '#sockets';
import { Elapsed, timeout as inTime } from '../time.js';
import { addressesOf, parsed } from './address.js';
import { Datagrams } from './datagrams.js';
import { NetError } from './error.js';
import { TcpListener } from './listener.js';
import { TcpStream } from './stream.js';

export { Datagrams, NetError, TcpListener, TcpStream };

/**
 * Connects to an endpoint, or to an address such as `10.0.0.4:20000` or `Worker:20000`; of a name's addresses the first that answers. With
 * `timeout`, milliseconds, it is given up when that is over.
 */
export async function connect(target, { timeout } = {}) {
  const { host, port } = parsed(target);
  const connecting = first(host, port);
  if (timeout === undefined) return connecting;
  try {
    return await inTime(timeout, connecting);
  } catch (error) {
    if (!(error instanceof Elapsed)) throw error;
    // Whoever comes too late finds nobody.
    connecting.then(
      stream => stream.close(),
      () => {},
    );
    throw new NetError(`connect to ${host}:${port}`, 'timeout');
  }
}

async function first(host, port) {
  let failure;
  for (const address of await addressesOf(host)) {
    try {
      return new TcpStream(await sockets.connect({ host: address, port }));
    } catch (error) {
      failure = error;
    }
  }
  throw failure ?? new NetError(`connect to ${host}:${port}`, 'name-unresolvable');
}

/** Listens on an endpoint of this instance, or on an address of its own. */
export async function listen(target) {
  return new TcpListener(sockets.listen(await own(target)));
}

/** Opens a UDP socket on an endpoint of this instance, or on an address of its own; without an address on a free port. */
export async function datagrams(target = '0.0.0.0:0') {
  return new Datagrams(sockets.datagrams(await own(target)));
}

/** The addresses of a role (`Worker`), of an instance (`Worker_IN_0`, `0.Worker`), or of a host outside that this role may reach. */
export async function resolve(name) {
  return addressesOf(name);
}

async function own(target) {
  const { host, port } = parsed(target);
  const [address] = await addressesOf(host);
  return { host: address, port };
}
