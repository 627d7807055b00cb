// The timers of a component, over a clock that the test turns.

import assert from 'node:assert/strict';
import { register } from 'node:module';
import { test } from 'node:test';

const clock = { time: 0, waits: [] };
globalThis.clockOfTest = {
  now: () => clock.time * 1e6,
  waitFor: nanoseconds => new Promise(resolve => clock.waits.push({ end: clock.time + nanoseconds / 1e6, resolve })),
};

register(`data:text/javascript,${encodeURIComponent(`
  const modules = { 'wasi:clocks/monotonic-clock@0.3.0': 'export default globalThis.clockOfTest' };
  export const resolve = (specifier, context, next) =>
    specifier.startsWith('wasi:')
      ? { url: 'data:text/javascript,' + (modules[specifier] ?? 'export default {}'), shortCircuit: true }
      : next(specifier, context);
`)}`);
const { later } = await import('../src/component/clock.js');

// Lets time pass as the host would: waits end in their order.
async function pass(milliseconds) {
  const end = clock.time + milliseconds;
  for (;;) {
    await new Promise(resolve => setImmediate(resolve));
    const next = clock.waits.filter(wait => wait.end <= end).sort((a, b) => a.end - b.end)[0];
    if (next === undefined) break;
    clock.waits.splice(clock.waits.indexOf(next), 1);
    clock.time = Math.max(clock.time, next.end);
    next.resolve();
  }
  clock.time = end;
}

test('timers go off in their order, at their time, and not when they are called off', async () => {
  const heard = [];
  const timer = (wait, name) => later(wait, () => heard.push(`${name} ${clock.time}`));
  timer(30, 'c');
  timer(10, 'a');
  timer(20, 'x')();
  timer(10, 'b');
  later(15, () => timer(5, 'd'));
  timer(0, 'now');
  timer(Number.NaN, 'too');
  await pass(100);
  assert.deepEqual(heard, ['now 0', 'too 0', 'a 10', 'b 10', 'd 20', 'c 30']);
});

test('many timers are few waits', async () => {
  const cancels = Array.from({ length: 10_000 }, () => later(60_000, () => {}));
  assert.equal(clock.waits.length, 1);
  for (let n = 0; n < 1000; n++) {
    later(1, () => {});
    await pass(1);
  }
  assert.equal(clock.waits.length, 1);
  for (const cancel of cancels) cancel();
  await pass(100_000);
  assert.equal(clock.waits.length, 0);
});

test('what is due in a year goes off then, and what is never due does not', async () => {
  const YEAR = 365 * 24 * 60 * 60 * 1000;
  let heard = 0;
  later(YEAR, () => heard++);
  later(Infinity, () => assert.fail('it went off'));
  assert.ok(clock.waits.every(wait => wait.end - clock.time <= 24 * 60 * 60 * 1000));
  await pass(YEAR - 1);
  assert.equal(heard, 0);
  await pass(1);
  assert.equal(heard, 1);
});

test('any number of timers, in any order, go off in the order of their time', async () => {
  let seed = 7;
  const random = bound => (seed = (seed * 48271) % 0x7fffffff) % bound;
  const heard = [];
  for (let n = 0; n < 2000; n++) {
    const due = clock.time + random(500);
    const cancel = later(due - clock.time, () => heard.push(due));
    if (random(3) === 0) cancel();
    if (random(50) === 0) await pass(random(20));
  }
  await pass(1000);
  assert.ok(heard.length > 1000);
  assert.deepEqual(heard, [...heard].sort((a, b) => a - b));
});
