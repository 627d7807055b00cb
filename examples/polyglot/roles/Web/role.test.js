import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { TestEnvironment } from '@wasm-roles/sdk/testing';
import * as role from './role.js';

const endpoint = (name, port) => ({ name, kind: 'internal', protocol: 'tcp', port });

let environment;
let web;

beforeEach(async () => {
  environment = new TestEnvironment({
    role: { name: 'Web', endpoints: [{ name: 'Http', kind: 'input', protocol: 'http', port: 80 }] },
    roles: [
      { name: 'Words', endpoints: [endpoint('Words', 20000)] },
      { name: 'Checksum', endpoints: [endpoint('Sum', 20001)] },
    ],
    settings: { Title: 'Words & more' },
  }).install();
  web = await environment.start(role);
});

afterEach(() => environment.uninstall());

// Words, as the test would have it: what it was asked, and what it says.
function words(answer) {
  const asked = [];
  environment.serve('10.0.0.5:20000', async stream => {
    asked.push(await stream.readLine());
    await stream.end(answer);
  });
  return asked;
}

test('the page has the title of the setting', async () => {
  const response = await web.handle('/');
  assert.equal(response.status, 200);
  assert.match(await response.text(), /<h1>Words &amp; more<\/h1>/);
});

test('a text is what Words says of it', async () => {
  const asked = words('OK 2 quick 1a2b3c4d 3 Words_IN_0 Checksum_IN_0 Ledger_IN_0\n');
  const response = await web.handle('/analyse?text=quick%0A%20fox');
  assert.deepEqual(asked, ['ANALYSE quick fox']);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    text: 'quick fox',
    words: 2,
    longest: 'quick',
    checksum: '1a2b3c4d',
    seen: 3,
    answered_by: { Web: 'Web_IN_0', Words: 'Words_IN_0', Checksum: 'Checksum_IN_0', Ledger: 'Ledger_IN_0' },
  });
});

test('an error of Words is an error of the gateway', async () => {
  words('ERROR Checksum: connection-refused\n');
  const response = await web.handle('/analyse?text=fox');
  assert.equal(response.status, 502);
  assert.deepEqual(await response.json(), { error: 'Checksum: connection-refused' });
});

test('Words that does not answer is waited for five seconds', async () => {
  environment.serve('10.0.0.5:20000', () => new Promise(() => {}));
  const response = await web.handle('/analyse?text=fox');
  assert.equal(response.status, 502);
  assert.equal(environment.now(), 5000);
});

test('without a text there is nothing to ask', async () => {
  assert.equal((await web.handle('/analyse')).status, 400);
  assert.equal((await web.handle(`/analyse?text=${'x'.repeat(5000)}`)).status, 400);
});

test('who cannot be reached is said with the reason', async () => {
  assert.deepEqual(await (await web.handle('/reach/Checksum')).json(), { role: 'Checksum', result: 'connection-refused' });
  words('');
  assert.deepEqual(await (await web.handle('/reach/Words')).json(), { role: 'Words', result: 'connected' });
  assert.equal((await web.handle('/reach/Nobody')).status, 404);
});
