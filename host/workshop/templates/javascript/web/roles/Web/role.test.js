import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { TestEnvironment } from '@wasm-roles/sdk/testing';
import * as role from './role.js';

let environment;
let web;

beforeEach(async () => {
  environment = new TestEnvironment({ role: 'Web', settings: { Greeting: 'Good morning' } }).install();
  web = await environment.start(role);
});

afterEach(() => environment.uninstall());

test('it greets as the setting says', async () => {
  const response = await web.handle('/');
  assert.equal(response.status, 200);
  assert.equal(await response.text(), 'Good morning, says Web_IN_0\n');
});

test('other paths are not found', async () => {
  assert.equal((await web.handle('/elsewhere')).status, 404);
});
