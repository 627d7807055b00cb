// Outgoing HTTP: over a socket where that is enough, and through the host where there is TLS.

import { URL } from '../http/url.js';
import { sendPlain } from './plain-client.js';
import { sendThroughHost } from './host-client.js';

/** Sends the request and waits for the head of its response. */
export async function send(request) {
  const url = new URL(request.url);
  const what = `${request.method} ${request.url}`;
  try {
    switch (url.protocol) {
      case 'http:':
        return await sendPlain(request, url);
      case 'https:':
        return await sendThroughHost(request, url);
      default:
        throw new Error(`${url.protocol} is not known here, only http: and https:`);
    }
  } catch (error) {
    throw new TypeError(`${what}: ${error.message}`, { cause: error });
  }
}
