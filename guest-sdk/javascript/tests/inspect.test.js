import assert from 'node:assert/strict';
import { test } from 'node:test';
import { line, reason } from '../src/inspect.js';

test('what is logged is shown as people would write it', () => {
  assert.equal(line(['tick', 3, true, null, undefined, 5n]), 'tick 3 true null undefined 5n\n');
  assert.equal(line([{ a: 1, b: ['x', { c: 'y' }] }]), '{ a: 1, b: ["x", { c: "y" }] }\n');
  assert.equal(line([new Map([['k', new Set([1])]])]), 'Map(1) {"k" => Set(1) {1}}\n');
  assert.equal(line([Uint8Array.of(1, 2), () => {}, Symbol('s')]), 'Uint8Array(2) [1, 2] [function without a name] Symbol(s)\n');
});

test('what never ends is shown as far as it helps', () => {
  const circle = {};
  circle.itself = circle;
  assert.equal(line([circle]), '{ itself: [circular] }\n');
  assert.equal(line([[[[[[1]]]]]]), '[[[[[Array]]]]]\n');
  assert.match(line([new Array(1000).fill(0)]), /0, …\]/);
});

test('an error is shown with its causes', () => {
  const error = new Error('the table cannot be read', { cause: new TypeError('disk full') });
  assert.match(line([error]), /^Error: the table cannot be read\n[^]*caused by TypeError: disk full\n/);
  assert.equal(reason(error), 'the table cannot be read: disk full');
  assert.equal(reason('no licence'), 'no licence');
});
