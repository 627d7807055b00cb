import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as own from '../src/http/url.js';

const PARTS = ['protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash', 'origin', 'href'];

const ADDRESSES = [
  'http://Worker:8080/orders?page=2#top',
  'http://example.com',
  'http://example.com?x',
  'HTTP://EXAMPLE.com:80/a/./b/../c/',
  'https://example.com:443/%41%2e/..',
  'http://10.0.0.4:20000//double//slash',
  'http://[::1]:8080/',
  'http://example.com/ä ö?q=ä ö&r="<>`#{} ',
  'http://example.com/?a=b&a=c&&d',
];

test('the parts of an address are those of the web', () => {
  for (const address of ADDRESSES) {
    const [mine, theirs] = [new own.URL(address), new URL(address)];
    for (const part of PARTS) assert.equal(mine[part], theirs[part], `${part} of ${address}`);
  }
});

test('a relative address is resolved as the web does', () => {
  const base = 'http://example.com:8080/a/b?x=1#h';
  for (const address of ['c', '/c', '../c', '?y=2', '#z', '', '//other/x', './', 'c/d?e#f', 'https://else.where/']) {
    assert.equal(new own.URL(address, base).href, new URL(address, base).href, address);
  }
});

test('what is no address is refused with its text', () => {
  for (const address of ['', '/path', 'example.com', 'http://', 'http://a:b/', 'http://a:99999/']) {
    assert.throws(() => new own.URL(address), TypeError, address);
    assert.equal(own.URL.canParse(address), false);
  }
  assert.throws(() => new own.URL('/orders'), /"\/orders" is no address, such as http:\/\/Worker:8080\/path/);
});

test('parameters are read and written as the web does', () => {
  for (const query of ['a=1&b=2', 'a=%C3%A4+b%zz&&c', '?q=1', 'x==y', '%', 'a=%e9']) {
    const [mine, theirs] = [new own.URLSearchParams(query), new URLSearchParams(query)];
    assert.deepEqual([...mine], [...theirs], query);
    assert.equal(String(mine), String(theirs), query);
  }
  const url = new own.URL('http://a/?x=1&y=2&x=3');
  url.searchParams.set('x', 'ä b');
  url.searchParams.append('z', '~');
  url.searchParams.delete('y');
  assert.equal(url.href, 'http://a/?x=%C3%A4+b&z=%7E');
  assert.deepEqual(url.searchParams.getAll('x'), ['ä b']);
  assert.equal(url.searchParams.get('y'), null);
});
