import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { TestEnvironment } from '@wasm-roles/sdk/testing';

let environment;
let copies = 0;

// A fresh copy of the role, as every instance is one.
async function worker(tickSeconds) {
  environment = new TestEnvironment({
    role: { name: 'Worker', endpoints: [{ name: 'Ask', kind: 'internal', protocol: 'tcp', port: 7000 }] },
    settings: { TickSeconds: tickSeconds },
  }).install();
  return environment.start(await import(`./role.js?copy=${copies++}`));
}

// What the worker says to somebody who connects.
async function said() {
  const stream = await environment.connect('10.0.0.4:7000');
  return environment.wait(stream.readLine());
}

afterEach(() => environment.uninstall());

test('it ticks as often as the setting says, also when that changes', async () => {
  const role = await worker('10');
  assert.equal(await said(), 'Worker_IN_0 has ticked 1 times');
  await environment.pass(20_000);
  assert.equal(await said(), 'Worker_IN_0 has ticked 3 times');
  await role.changeSettings({ TickSeconds: '60' });
  await environment.pass(70_000);
  assert.equal(await said(), 'Worker_IN_0 has ticked 5 times');
});

test('a setting that is no number keeps it from starting', async () => {
  await assert.rejects(worker('often'), { message: 'TickSeconds is `often`: it has to be a whole number from 1' });
});
