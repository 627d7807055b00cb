import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, joined, toBytes } from '../src/text.js';

const TEXTS = ['', 'plain', 'žluťoučký kůň', '日本語', '👩‍🚀 and 🎈', 'half \ud83d alone', '\udc00', '\u0000\u007f\u0080\u07ff\u0800\uffff\u{10ffff}'];

test('texts become the bytes that the web makes of them', () => {
  for (const text of TEXTS) assert.deepEqual(encode(text), new TextEncoder().encode(text), JSON.stringify(text));
});

test('bytes become the text that the web makes of them, broken ones too', () => {
  let seed = 1;
  const random = bound => (seed = (seed * 48271) % 0x7fffffff) % bound;
  // Bytes that begin, go on with, or break a character come up more often than others.
  const interesting = [0x00, 0x41, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff];
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: random(9) }, () => interesting[random(interesting.length)]);
    assert.equal(decode(bytes), new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), `bytes ${bytes}`);
  }
});

test('a strict decoder says which byte is wrong', () => {
  assert.throws(() => decode(Uint8Array.of(0x41, 0xff), true), { message: 'byte 1 is no UTF-8' });
});

test('a long text survives', () => {
  const text = 'ž日🎈a'.repeat(20_000);
  assert.equal(decode(encode(text)), text);
});

test('views, buffers and texts all become bytes', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  assert.deepEqual(toBytes(new DataView(bytes.buffer, 1, 2)), Uint8Array.of(2, 3));
  assert.deepEqual(toBytes(bytes.buffer), bytes);
  assert.deepEqual(joined([toBytes('a'), toBytes('b')]), Uint8Array.of(97, 98));
});
