// The double's sockets.

import { current } from './double.js';

export const connect = async address => current('net.connect').network.connect(address);
export const listen = address => current('net.listen').network.listen(address);
export const datagrams = address => current('net.datagrams').network.datagrams(address);
export const resolve = async name => current('net.resolve').network.resolve(name);
