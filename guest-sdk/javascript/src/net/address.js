// Addresses as people write them: `10.0.0.4:20000`, `Worker:20000`, an endpoint, or `{ host, port }`.

import { resolve } from '#sockets';
import { NetError } from './error.js';

const OCTETS = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** The host and the port that are meant. */
export function parsed(target) {
  if (typeof target === 'object' && target !== null) {
    const host = target.host ?? target.address;
    if (typeof host === 'string' && isPort(target.port)) return { host, port: target.port };
  } else if (typeof target === 'string') {
    const colon = target.lastIndexOf(':');
    const host = target.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
    const port = target.slice(colon + 1);
    if (colon > 0 && /^\d{1,5}$/.test(port) && isPort(Number(port))) return { host, port: Number(port) };
  }
  throw new NetError(described(target), 'invalid-address');
}

const isPort = port => Number.isInteger(port) && port >= 0 && port <= 65535;

function described(target) {
  if (typeof target === 'object' && target !== null) return `${target.host ?? target.address}:${target.port}`;
  return String(target);
}

/** Whether it is an address and no name. */
export function isAddress(host) {
  const octets = OCTETS.exec(host);
  return octets !== null && octets.slice(1).every(octet => Number(octet) <= 255);
}

/** The addresses that stand for this host: itself, if it is one. */
export async function addressesOf(host) {
  return isAddress(host) ? [host] : resolve(host);
}
