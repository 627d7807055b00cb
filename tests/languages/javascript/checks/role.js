// A web role that tries in its component what unit tests on node cannot: `GET /check/<name>` answers `ok`, or what went wrong.

import { environment, files, net, sleep, spawn, timeout } from '@wasm-roles/sdk';

const drawn = Math.random();
const checks = {};
let wake;

// A run that only a request can wake: its task waits for nothing of the host's.
export async function run() {
  for (;;) {
    const reason = await new Promise(resolve => (wake = resolve));
    console.log(`run was woken by ${reason}`);
    if (reason === 'error') throw new Error('a request said so', { cause: new TypeError('on purpose') });
  }
}

export async function handle(request) {
  const url = new URL(request.url);
  const [, verb, name] = url.pathname.split('/');
  switch (verb) {
    case 'check':
      return checked(name);
    case 'wake':
      wake(name);
      return new Response('woken\n');
    case 'echo':
      return new Response(request.body, { headers: { 'content-type': request.headers.get('content-type') ?? 'text/plain' } });
    case 'count':
      return new Response(String((await request.bytes(1 << 20)).length));
    case 'limit':
      return new Response(String((await request.bytes(1000)).length));
    case 'stream':
      return new Response(pieces(Number(name)));
    case 'throw':
      throw new Error('this request is refused');
    case 'nothing':
      return undefined;
    case 'headers':
      return Response.json(
        { method: request.method, url: request.url, headers: [...request.headers] },
        { headers: { 'x-name': 'žluť', 'x-b': 'ü' } },
      );
    case 'fetch':
      return fetched(url.searchParams.get('url'), request);
    case 'memory':
      __cqjs.runGc();
      return Response.json(__cqjs.getMemoryUsage());
    case 'drawn':
      return Response.json([drawn, Math.random(), crypto.randomUUID()]);
    default:
      return new Response(null, { status: 404 });
  }
}

async function checked(name) {
  try {
    await checks[name]();
    return new Response('ok\n');
  } catch (error) {
    return new Response(`${error.name}: ${error.message}\n${error.stack}\n`, { status: 500 });
  }
}

// What another server says to the same method and body.
async function fetched(url, request) {
  const body = ['GET', 'HEAD'].includes(request.method) ? undefined : await request.bytes();
  try {
    const response = await fetch(url, { method: request.method, body, headers: { 'x-own': 'yes' } });
    return new Response(`${response.status} ${response.headers.get('x-said')} ${await response.text()}`);
  } catch (error) {
    return new Response(`${error.message}\n`, { status: 502 });
  }
}

async function* pieces(count) {
  for (let n = 0; n < count; n++) {
    yield `piece ${n}\n`;
    await sleep(1);
  }
}

function equal(actual, expected, what = '') {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what} is ${a}, and not ${b}`);
}

async function fails(promise, code) {
  try {
    await promise;
  } catch (error) {
    equal(error.code ?? error.name, code, error.message);
    return;
  }
  throw new Error(`nothing failed with ${code}`);
}

checks.files = async () => {
  const { path } = environment.localResource('Disk');
  await files.makeFolder(`${path}/a/b`);
  await files.makeFolder(`${path}/a/b`);
  await files.write(`${path}/a/b/c.txt`, 'one, which is long');
  await files.write(`${path}/a/b/c.txt`, 'öne');
  await files.append(`${path}/a/b/c.txt`, ' two');
  equal(await files.readText(`${path}/a/b/c.txt`), 'öne two');
  await files.rename(`${path}/a/b/c.txt`, `${path}/d.txt`);
  equal(await files.list(path), ['a', 'd.txt']);
  equal(await files.exists(`${path}/a/b/c.txt`), false);
  equal(await files.exists(`${path}/a`), true);
  const large = new Uint8Array(300_000).map((_, n) => n);
  await files.write(`${path}/large`, large);
  equal((await files.read(`${path}/large`)).every((byte, n) => byte === (n & 0xff)), true, 'what was read');
  for (const name of ['d.txt', 'large', 'a/b', 'a']) await files.remove(`${path}/${name}`);
  equal(await files.list(path), []);
  await fails(files.read(`${path}/d.txt`), 'no-entry');
  await fails(files.list(`${path}/nothing`), 'no-entry');
  await fails(files.remove(`${path}/d.txt`), 'no-entry');
  await fails(files.read('/etc/passwd'), 'no-entry');
  await files.write('/tmp/x', '');
  equal(await files.readText('/tmp/x'), '');
  await fails(files.makeFolder('/tmp/x/y'), 'not-directory');
  await files.makeFolder(`${path}/full/of`);
  await fails(files.remove(`${path}/full`), 'not-empty');
  await files.remove(`${path}/full/of`);
  await files.remove(`${path}/full`);
};

checks.quota = async () => {
  const { path, sizeInMegabytes } = environment.localResource('Disk');
  equal(sizeInMegabytes, 2);
  await fails(files.write(`${path}/too-large`, new Uint8Array(3 << 20)), 'quota');
  await files.remove(`${path}/too-large`);
};

checks.connections = async () => {
  const listener = await net.listen('127.0.0.1:0');
  spawn(async () => {
    for await (const stream of listener) spawn(() => shouted(stream));
  });
  const clients = Array.from({ length: 50 }, async (_, n) => {
    const stream = await net.connect(listener.localAddress);
    await stream.end(`word ${n}\n`.repeat(100));
    const answer = new TextDecoder().decode(await stream.readAll());
    stream.close();
    equal(answer, `WORD ${n}\n`.repeat(100));
  });
  await Promise.all(clients);
  listener.close();
  await fails(net.connect(listener.localAddress), 'connection-refused');
  const again = await net.listen(listener.localAddress);
  again.close();
};

async function shouted(stream) {
  for (let line = await stream.readLine(); line !== undefined; line = await stream.readLine()) await stream.write(`${line.toUpperCase()}\n`);
  await stream.end();
  stream.close();
}

checks.large = async () => {
  const listener = await net.listen('127.0.0.1:0');
  const bytes = new Uint8Array(5 << 20).map((_, n) => n * 31);
  spawn(async () => {
    const stream = await listener.accept();
    await stream.end(bytes);
    stream.close();
  });
  const stream = await net.connect(listener.localAddress);
  const received = await stream.readAll();
  stream.close();
  listener.close();
  equal([received.length, received.every((byte, n) => byte === bytes[n])], [bytes.length, true]);
};

checks.closing = async () => {
  const listener = await net.listen('127.0.0.1:0');
  const accepting = listener.accept();
  const client = await net.connect(listener.localAddress);
  const server = await accepting;
  const reading = fails(client.read(), 'closed');
  await sleep(1);
  client.close();
  client.close();
  await reading;
  await fails(client.write('x'), 'closed');
  equal(await server.read(), undefined);
  server.close();
  // What fills the pipe and is then closed.
  const next = await net.connect(listener.localAddress);
  const silent = await listener.accept();
  const writing = fails(next.write(new Uint8Array(8 << 20)), 'closed');
  await sleep(5);
  next.close();
  await writing;
  silent.close();
  const waiting = listener.accept();
  await sleep(1);
  listener.close();
  equal(await waiting, undefined);
};

checks.reset = async () => {
  const listener = await net.listen('127.0.0.1:0');
  const client = await net.connect(listener.localAddress);
  const server = await listener.accept();
  await client.write('nobody reads this');
  server.close();
  const floods = async () => {
    for (;;) await client.write(new Uint8Array(100_000));
  };
  await fails(timeout(5000, floods()), 'connection-broken');
  client.close();
  listener.close();
};

checks.datagrams = async () => {
  const server = await net.datagrams('127.0.0.1:0');
  const client = await net.datagrams('127.0.0.1:0');
  spawn(async () => {
    const { bytes, from } = await server.receive();
    await server.send(bytes.reverse(), from);
  });
  await client.send('abc', server.localAddress);
  const { bytes, from } = await timeout(5000, client.receive());
  equal([new TextDecoder().decode(bytes), from], ['cba', server.localAddress]);
  const waiting = fails(client.receive(), 'closed');
  await sleep(1);
  client.close();
  await timeout(5000, waiting);
  server.close();
  await fails(server.receive(), 'closed');
};

checks.names = async () => {
  const me = environment.currentInstance();
  equal(await net.resolve(me.id), [me.endpoints[0].address]);
  await fails(net.resolve('nobody'), 'name-unresolvable');
  await fails(net.connect('nonsense'), 'invalid-address');
  await fails(net.connect('10.0.0.200:1'), 'access-denied');
};

checks.timers = async () => {
  const heard = [];
  const start = performance.now();
  clearTimeout(setTimeout(() => heard.push('never'), 5));
  setTimeout(() => heard.push('second'), 30);
  setTimeout(word => heard.push(word), 10, 'first');
  const interval = setInterval(() => heard.push('every'), 40);
  await sleep(60);
  clearInterval(interval);
  await sleep(60);
  equal(heard, ['first', 'second', 'every']);
  const took = performance.now() - start;
  if (took < 119) throw new Error(`120 ms took ${took}`);
  await fails(timeout(5, new Promise(() => {})), 'Elapsed');
  equal(await timeout(1000, sleep(1).then(() => 7)), 7);
  await Promise.all(Array.from({ length: 2000 }, (_, n) => timeout(60_000, sleep(n % 7))));
};

checks.fetch = async () => {
  const { address, port } = environment.currentInstance().endpoint('Http');
  const base = `http://${address}:${port}`;
  equal(await (await fetch(`${base}/count`, { method: 'POST', body: 'x'.repeat(100_000) })).text(), '100000');
  const streamed = await fetch(`${base}/stream/20`);
  equal((await streamed.text()).split('\n').length, 21);
  equal((await fetch(`${base}/elsewhere`)).status, 404);
  const seen = await (await fetch(`${base}/headers?a=b`, { headers: { 'x-own': 'yes' } })).json();
  equal([seen.method, new Map(seen.headers).get('x-own')], ['GET', 'yes']);
  equal((await fetch(`${base}/headers`, { method: 'HEAD' })).headers.get('content-length') > 0, true);
  await fails(fetch('https://example.com/'), 'TypeError');
  await fails(fetch('ftp://example.com/'), 'TypeError');
};

checks.web = async () => {
  equal(new TextDecoder().decode(new TextEncoder().encode('žluťoučký 🎈')), 'žluťoučký 🎈');
  equal(new URL('../x?a=b', 'http://h:81/c/d/e').href, 'http://h:81/c/x?a=b');
  equal([...crypto.getRandomValues(new Uint32Array(4))].some(number => number > 0), true);
  equal(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), true);
  equal(environment.variables().RoleName, environment.currentInstance().role);
  equal(Math.abs(Date.now() - new Date().getTime()) < 1000 && Date.now() > 1.6e12, true);
  console.log('a line', { of: ['several', 1] }, 'x'.repeat(10_000).length);
  console.error(new Error('to the other stream'));
};
