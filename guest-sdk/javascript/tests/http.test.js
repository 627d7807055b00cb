import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyTooLong, Headers, Request, Response } from '@wasm-roles/sdk';
import { MessageReader } from '../src/http/message.js';
import { encode, joined } from '../src/text.js';

async function* pieces(...texts) {
  for (const text of texts) yield encode(text);
}

test('headers are found in any case, in their order, and joined', () => {
  const headers = new Headers({ 'Content-Type': 'text/plain', b: ' 2 ' });
  headers.append('B', '3');
  headers.append('set-cookie', 'x=1');
  headers.append('set-cookie', 'y=2');
  assert.equal(headers.get('content-TYPE'), 'text/plain');
  assert.equal(headers.get('nothing'), null);
  assert.deepEqual([...headers], [['b', '2, 3'], ['content-type', 'text/plain'], ['set-cookie', 'x=1'], ['set-cookie', 'y=2']]);
  headers.set('b', 'x');
  headers.delete('Content-Type');
  assert.deepEqual([...headers.keys()], ['b', 'set-cookie', 'set-cookie']);
});

test('a header that would break out of its line is refused', () => {
  assert.throws(() => new Headers({ a: 'x\r\nb: y' }), TypeError);
  assert.throws(() => new Headers({ 'a b': 'x' }), TypeError);
  assert.throws(() => new Headers({ '': 'x' }), TypeError);
});

test('a body is text, JSON or bytes, once', async () => {
  const response = Response.json({ a: [1] }, { status: 201 });
  assert.equal(response.status, 201);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.deepEqual(await response.json(), { a: [1] });
  assert.equal(response.bodyUsed, true);
  await assert.rejects(response.text(), /read already/);
  assert.deepEqual(await new Response(pieces('ab', 'ž')).text(), 'abž');
  assert.deepEqual(new Uint8Array(await new Response(Uint8Array.of(1, 2)).arrayBuffer()), Uint8Array.of(1, 2));
  assert.equal(await new Response().text(), '');
  assert.equal(new Response().body, null);
});

test('a body that is too long is refused as soon as it is', async () => {
  const endless = (async function* () {
    for (;;) yield new Uint8Array(1000);
  })();
  const request = new Request('http://a/', { method: 'POST', body: endless });
  await assert.rejects(request.bytes(2500), error => error instanceof BodyTooLong && error.limit === 2500);
});

test('a body is bounded, unless its reader says another bound', async () => {
  const large = 'x'.repeat((1 << 20) + 1);
  for (const read of ['bytes', 'text', 'json', 'arrayBuffer']) {
    await assert.rejects(new Response(large)[read](), BodyTooLong, read);
  }
  assert.equal((await new Response(large).text(1 << 21)).length, large.length);
});

test('what is no request or response is refused', () => {
  assert.throws(() => new Request('/path'), TypeError);
  assert.throws(() => new Request('http://a/', { body: 'x' }), /a GET request has no body/);
  for (const method of ['', 'GET / HTTP/1.1\r\nhost: other\r\n\r\nPOST', 'A B', 'GÉT']) {
    assert.throws(() => new Request('http://a/', { method }), /is no method of HTTP/, method);
  }
  assert.throws(() => new Response('', { status: 99 }), RangeError);
  assert.throws(() => new Response('x', { status: 204 }), TypeError);
  assert.throws(() => Response.redirect('/x', 200), RangeError);
  assert.equal(Response.redirect('/x').headers.get('location'), '/x');
});

test('a request can be made of another one', async () => {
  const first = new Request('http://a/x', { method: 'put', headers: { k: 'v' }, body: 'text' });
  const second = new Request(first, { headers: { l: 'w' } });
  assert.equal(second.method, 'PUT');
  assert.equal(second.headers.get('k'), null);
  assert.equal(second.headers.get('l'), 'w');
  assert.equal(await second.text(), 'text');
});

// A stream that gives the message in pieces of this size.
function reader(message, size) {
  const bytes = encode(message);
  let at = 0;
  return new MessageReader({
    async read() {
      if (at >= bytes.length) return undefined;
      at += size;
      return bytes.subarray(at - size, at);
    },
  });
}

async function response(message, size) {
  const messages = reader(message, size);
  const { status, headers } = await messages.head();
  const chunks = [];
  for await (const chunk of messages.body(headers)) chunks.push(chunk);
  return { status, headers, body: String.fromCharCode(...joined([new Uint8Array(0), ...chunks])) };
}

const MESSAGES = {
  'with a length': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a b \r\n\r\nhello and what does not belong to it', 'hello'],
  'in chunks': ['HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n', 'hello!'],
  'until the end': ['HTTP/1.0 404 Not Found\n\nhello', 'hello'],
  'without a body': ['HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', ''],
};

for (const [how, [message, body]] of Object.entries(MESSAGES)) {
  test(`a response ${how} is read, however it comes`, async () => {
    for (const size of [1, 2, 3, 7, 1000]) assert.equal((await response(message, size)).body, body, `pieces of ${size}`);
  });
}

const BROKEN = {
  'SSH-2.0-OpenSSH\r\n\r\n': /no HTTP: it begins with "SSH-2.0-OpenSSH"/,
  'HTTP/1.1 200 OK\r\nno header\r\n\r\n': /"no header" is no header/,
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi': /ended 3 bytes too early/,
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!': /content-length 5, 6/,
  'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n': /content-length -1/,
  'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n': /transfer coding gzip/,
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n': /has no size/,
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n': /longer than its size/,
  'HTTP/1.1 200 OK\r\n': /ended before its head did/,
  [`HTTP/1.1 200 ${'x'.repeat(70_000)}\r\n\r\n`]: /more than 65536 characters/,
  [`HTTP/1.1 200 OK\r\n${`a: ${'x'.repeat(1000)}\r\n`.repeat(100)}\r\n`]: /more than 65536 characters/,
};

for (const [message, error] of Object.entries(BROKEN)) {
  test(`a broken response is refused: ${JSON.stringify(message.slice(0, 60))}`, async () => {
    for (const size of [1, 5, 100_000]) await assert.rejects(response(message, size), error);
  });
}
