// What can go wrong on the network.

const SENTENCES = {
  'access-denied': 'the service definition does not allow it; the log of the instance says which rule',
  'address-in-use': 'another socket of this instance has that port',
  'address-not-bindable': 'it is no address of this instance',
  'connection-aborted': 'this instance is stopping, or the connection was given up',
  'connection-broken': 'the connection is broken',
  'connection-refused': 'nobody listens there',
  'connection-reset': 'the other side has ended the connection hard',
  'invalid-address': 'it is no address; write `10.0.0.4:20000`, `Worker:20000`, or give an endpoint',
  'name-unresolvable': 'no role, instance or host of this name is known here',
  'not-supported': 'it is not supported here',
  'remote-unreachable': 'there is no way to that address',
  closed: 'this side has closed it',
  timeout: 'there was no answer in time',
};

/** Something that did not work on the network. `code` is for programs, the message for people. */
export class NetError extends Error {
  constructor(what, code, detail) {
    const why = SENTENCES[code];
    super(`${what}: ${code}${why ? `, ${why}` : ''}${detail ? ` (${detail})` : ''}`);
    this.name = 'NetError';
    this.code = code;
  }
}
