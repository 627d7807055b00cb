// From a role's module to the exports of its component. `bin/componentize.mjs` writes the module that uses this.

import './globals.js';
import { described, reason } from '../inspect.js';
import { reportError } from './clock.js';
import { call } from './call.js';

/** `wasm-roles:role/entry-point` of a role's module. */
export const entryPoint = role => ({
  onStart: () => call(() => lifeCycle(role.onStart)),
  run: () => call(() => lifeCycle(role.run ?? forever)),
  onStop: () => call(() => event(role.onStop)),
});

/** `wasm-roles:role/events` of a role's module. */
export const events = role => ({
  changing: changes => call(() => event(role.changing, 'accept', changes.map(change))),
  changed: changes => call(() => event(role.changed, undefined, changes.map(change))),
  statusCheck: () => call(() => event(role.statusCheck ?? (() => 'ready'), 'busy')),
  stopping: () => call(() => event(role.stopping)),
  simultaneousChanging: changes => call(() => event(role.simultaneousChanging, undefined, changes.map(change))),
  simultaneousChanged: changes => call(() => event(role.simultaneousChanged, undefined, changes.map(change))),
});

const forever = () => new Promise(() => {});

async function lifeCycle(work) {
  try {
    await work?.();
  } catch (error) {
    if (error instanceof Error && error.stack) reportError(error);
    throw reason(error);
  }
}

const ANSWERS = { accept: ['accept', 'recycle'], busy: ['ready', 'busy'] };

// A handler that throws is as one that never returns: a change is made, and an instance is busy.
async function event(handle, otherwise, ...values) {
  try {
    const verdict = await handle?.(...values);
    if (otherwise === undefined) return undefined;
    if (verdict === undefined && otherwise === 'accept') return otherwise;
    const known = ANSWERS[otherwise];
    if (known.includes(verdict)) return verdict;
    reportError(new TypeError(`${handle.name} answered ${described(verdict)}, and not one of: ${known.join(', ')}`));
    return otherwise;
  } catch (error) {
    reportError(error);
    return otherwise;
  }
}

const change = ({ tag, val }) => ({ kind: tag, name: val });
