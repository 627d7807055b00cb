// From a web role's module to its handler. Apart from the rest, because the world of a worker role has no requests.

import { call } from './call.js';
import { answer } from './handler.js';

/** `wasi:http/handler` of a role's module. */
export const handler = role => ({
  handle: request => call(() => answer(request, role.handle)),
});
