import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { TestEnvironment } from '@wasm-roles/sdk/testing';
import * as role from './role.js';

let environment;
let web;

beforeEach(async () => {
  environment = new TestEnvironment({
    role: 'Web',
    roles: [{ name: 'Worker', endpoints: [{ name: 'Ask', kind: 'internal', protocol: 'tcp', port: 7000 }] }],
    settings: { Greeting: 'Good morning' },
  }).install();
  web = await environment.start(role);
});

afterEach(() => environment.uninstall());

test('it greets, and shows what the worker says', async () => {
  environment.serve('10.0.0.5:7000', stream => stream.end('Worker_IN_0 has ticked 3 times\n'));
  const response = await web.handle('/');
  assert.equal(response.status, 200);
  assert.equal(await response.text(), 'Good morning, says Web_IN_0\nWorker_IN_0 has ticked 3 times\n');
});

test('it greets also when the worker does not answer', async () => {
  const page = await (await web.handle('/')).text();
  assert.match(page, /^Good morning, says Web_IN_0\nWorker does not answer: .*connection-refused/);
});

test('other paths are not found', async () => {
  assert.equal((await web.handle('/elsewhere')).status, 404);
});
