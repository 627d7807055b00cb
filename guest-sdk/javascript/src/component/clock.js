// Timers over one asynchronous import. A wait that has begun cannot be called off, so one is begun only when something is due
// before all waits end that have begun: ten thousand time-outs of ten seconds are one wait.

import clock from 'wasi:clocks/monotonic-clock@0.3.0';
import { described } from '../inspect.js';
import { write } from './output.js';

const NANOSECONDS = 1e6;
// The engine's numbers hold so many nanoseconds exactly; what is due later is waited for again.
const LONGEST_WAIT = 24 * 60 * 60 * 1000;

const timers = [];
let order = 0;
// When the waits end that have begun; each ends before the one that it follows.
const waits = [];

/** Milliseconds since some moment in the past. */
export const now = () => clock.now() / NANOSECONDS;

/** Calls `action` once after this time; the function that comes back calls it off. */
export function later(milliseconds, action) {
  const timer = { due: now() + Math.max(Number(milliseconds) || 0, 0), order: order++, action };
  insert(timer);
  arm();
  return () => {
    timer.action = undefined;
  };
}

export function reportError(error) {
  write('stderr', `${described(error)}\n`);
}

function arm() {
  while (timers.length > 0 && timers[0].action === undefined) removeFirst();
  const next = timers[0]?.due ?? Infinity;
  if (next >= (waits.at(-1) ?? Infinity)) return;
  const time = now();
  const end = Math.min(Math.max(next, time), time + LONGEST_WAIT);
  waits.push(end);
  clock.waitFor(Math.ceil((end - time) * NANOSECONDS)).then(() => fire(end));
}

function fire(end) {
  waits.splice(waits.lastIndexOf(end), 1);
  const time = now();
  const due = [];
  while (timers.length > 0 && timers[0].due <= time) due.push(removeFirst());
  arm();
  for (const { action } of due) {
    try {
      action?.();
    } catch (error) {
      reportError(error);
    }
  }
}

// A binary heap: the timer that is due first lies at 0, and no timer is due before the one at half its place.

const before = (a, b) => a.due < b.due || (a.due === b.due && a.order < b.order);

function insert(timer) {
  let place = timers.length;
  timers.push(timer);
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (!before(timer, timers[parent])) break;
    timers[place] = timers[parent];
    place = parent;
  }
  timers[place] = timer;
}

function removeFirst() {
  const first = timers[0];
  const last = timers.pop();
  if (timers.length === 0) return first;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= timers.length) break;
    if (child + 1 < timers.length && before(timers[child + 1], timers[child])) child += 1;
    if (!before(timers[child], last)) break;
    timers[place] = timers[child];
    place = child;
  }
  timers[place] = last;
  return first;
}
