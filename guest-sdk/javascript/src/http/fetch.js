// Outgoing HTTP.

import { send } from '#client';
import { Request } from './request.js';

/**
 * Sends a request and waits for the head of the response. `http://Worker:8080/` reaches another role where its rules admit it, the
 * world outside only where the operator lets the service out. Redirections are not followed.
 */
export async function fetch(input, init) {
  return send(input instanceof Request && init === undefined ? input : new Request(input, init));
}
