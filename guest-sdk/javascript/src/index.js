// What a role imports: `import { environment, sleep } from '@wasm-roles/sdk'`.

export { Endpoint, RoleInstance, UnknownName, environment } from './environment.js';
export { Elapsed, sleep, spawn, timeout } from './time.js';
export { NetError } from './net/error.js';
export * as net from './net/index.js';
export { FileError } from './files.js';
export * as files from './files.js';
export { BodyTooLong } from './http/body.js';
export { Headers } from './http/headers.js';
export { Request } from './http/request.js';
export { Response } from './http/response.js';
export { fetch } from './http/fetch.js';
