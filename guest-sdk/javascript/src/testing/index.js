// A role's own unit tests, with `node --test` and without a host: `import { TestEnvironment } from '@wasm-roles/sdk/testing'`.

export { TestEnvironment } from './environment.js';
export { EVENT_DEADLINE, STOP_BUDGET, StartedRole } from './started.js';
