import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { FileError, NetError, UnknownName, environment, files, net, sleep, spawn, timeout } from '@wasm-roles/sdk';
import { TestEnvironment } from '@wasm-roles/sdk/testing';

const internal = (name, port) => ({ name, kind: 'internal', protocol: 'tcp', port });

let installed;

function install(definition) {
  installed = new TestEnvironment(definition).install();
  return installed;
}

afterEach(() => {
  installed?.uninstall();
  installed = undefined;
});

test('without a double, asking is a mistake that says what to do', () => {
  assert.equal(environment.isAvailable(), false);
  assert.throws(() => environment.setting('Greeting'), /`environment.setting` was called outside a component.*install a test double/s);
});

test('the environment is what the definition says', () => {
  install({
    role: { name: 'Web', instances: 2, endpoints: [{ name: 'Http', kind: 'input', protocol: 'http', port: 80, publicPort: 8080 }] },
    number: 1,
    roles: [{ name: 'Worker', instances: 2, endpoints: [internal('Ask', 7000)] }],
    settings: { Greeting: 'hello' },
    variables: { MODE: 'test' },
  });
  assert.equal(environment.isAvailable(), true);
  assert.equal(environment.isEmulated(), true);
  assert.match(environment.deploymentId(), /^[0-9a-f]{32}$/);
  const me = environment.currentInstance();
  assert.equal(me.id, 'Web_IN_1');
  assert.equal(me.endpoint('Http').publicPort, 8080);
  assert.deepEqual(me.internalEndpoints(), []);
  // Web has no internal endpoint: it sees itself alone.
  assert.deepEqual(environment.roles().map(({ name, instances }) => [name, instances.map(({ id }) => id)]), [
    ['Web', ['Web_IN_1']],
    ['Worker', ['Worker_IN_0', 'Worker_IN_1']],
  ]);
  assert.equal(environment.role('Worker').instances[1].endpoint('Ask').socketAddress, '10.0.0.7:7000');
  assert.equal(environment.role('Nobody'), undefined);
  assert.equal(environment.setting('Greeting'), 'hello');
  assert.deepEqual(environment.variables(), { MODE: 'test' });
});

test('a name that is not there is an error that names it', () => {
  install({ role: 'Web' });
  const missing = what => error => error instanceof UnknownName && error.message === `the service definition has no ${what} for this role`;
  assert.throws(() => environment.setting('Greeting'), missing('setting named `Greeting`'));
  assert.throws(() => environment.localResource('Disk'), missing('local storage named `Disk`'));
  assert.throws(() => environment.currentInstance().endpoint('Ask'), missing('endpoint named `Ask`'));
});

test('an instance that is not there cannot be under test', () => {
  assert.throws(() => install({ role: { name: 'Web', instances: 2 }, number: 2 }), /instance 2 of Web, which has no such instance/);
});

test('a role is started, hears of changes, and is stopped', async () => {
  const heard = [];
  const role = {
    onStart: () => heard.push('onStart'),
    async run() {
      heard.push('run');
      await sleep(1000);
      heard.push('a second later');
      await sleep(24 * 60 * 60 * 1000);
    },
    changing(changes) {
      heard.push(`changing ${changes.map(({ kind, name }) => `${kind} ${name}`)} from ${environment.setting('Greeting')}`);
      return changes.some(({ name }) => name === 'Size') ? 'recycle' : 'accept';
    },
    changed: changes => heard.push(`changed ${changes.map(({ name }) => name)} to ${environment.setting('Greeting')}`),
    statusCheck: () => 'busy',
    stopping: () => heard.push('stopping'),
    onStop: () => heard.push('onStop'),
  };
  install({ role: 'Worker', roles: [{ name: 'Office', endpoints: [internal('Desk', 1)] }], settings: { Greeting: 'hello', Size: 1 } });
  const started = await installed.start(role);
  assert.deepEqual(heard.splice(0), ['onStart', 'run']);
  await installed.pass(999);
  assert.deepEqual(heard, []);
  await installed.pass(1);
  assert.deepEqual(heard.splice(0), ['a second later']);
  assert.equal(await started.changeSettings({ Greeting: 'hi' }), 'accept');
  assert.equal(await started.changeSettings({ Greeting: 'hi' }), 'accept');
  assert.equal(await started.changeSettings({ Size: 2 }), 'recycle');
  assert.equal(await started.changeInstances('Office', 3), 'accept');
  assert.equal(environment.role('Office').instances.length, 3);
  assert.equal(await started.statusCheck(), 'busy');
  assert.equal(started.runResult, undefined);
  await started.stop();
  assert.deepEqual(heard, [
    'changing configuration-setting Greeting from hello',
    'changed Greeting to hi',
    'changing configuration-setting Size from hi',
    'changing topology Office from hi',
    'changed Office to hi',
    'stopping',
    'onStop',
  ]);
});

test('a role without handlers accepts everything and is ready', async () => {
  install({ role: 'Worker', settings: { Greeting: 'hello' } });
  const started = await installed.start({});
  assert.equal(await started.changeSettings({ Greeting: 'hi' }), 'accept');
  assert.equal(await started.statusCheck(), 'ready');
  await started.stop();
});

test('what onStart throws keeps the role from starting, what run throws is its result', async () => {
  install({ role: 'Worker' });
  await assert.rejects(
    installed.start({
      onStart() {
        throw new Error('no licence');
      },
    }),
    { message: 'no licence' },
  );
  const started = await installed.start({
    run() {
      environment.requestRecycle();
      throw new Error('done');
    },
  });
  assert.equal(started.runResult.error.message, 'done');
  assert.equal(installed.recycleRequests, 1);
});

test('a handler that does not return in time fails the test', async () => {
  install({ role: 'Worker' });
  const started = await installed.start({ changing: () => new Promise(() => {}), onStop: () => sleep(31_000) });
  await assert.rejects(started.changing([]), /changing waits for something that does not come within 10 seconds/);
  await assert.rejects(started.stop(), /onStop waits for something that does not come within 30 seconds/);
});

test('the timers of the web go by the time of the test', async () => {
  install({ role: 'Worker' });
  const heard = [];
  const interval = setInterval(() => heard.push(`every ${installed.now()}`), 1000);
  setTimeout(word => heard.push(`${word} ${installed.now()}`), 1500, 'once');
  clearTimeout(setTimeout(() => heard.push('never'), 10));
  await installed.pass(2000);
  clearInterval(interval);
  await installed.pass(10_000);
  assert.deepEqual(heard, ['every 1000', 'once 1500', 'every 2000']);
  installed.uninstall();
  await new Promise(resolve => setTimeout(resolve, 1));
});

test('a timeout gives the result in time, and otherwise the time', async () => {
  install({ role: 'Worker' });
  assert.equal(await installed.wait(timeout(1000, sleep(500).then(() => 7))), 7);
  await assert.rejects(installed.wait(timeout(1000, sleep(1001))), { name: 'Elapsed', message: 'the time of 1000 ms is over' });
  await assert.rejects(installed.wait(timeout(1000, Promise.reject(new Error('broken')))), { message: 'broken' });
});

test('what spawned work throws is not lost', async context => {
  install({ role: 'Worker' });
  const log = context.mock.method(console, 'error', () => {});
  spawn(() => {
    throw new Error('broken');
  }).catch(() => {});
  await installed.pass(0);
  assert.equal(installed.errors[0].message, 'broken');
  assert.equal(log.mock.callCount(), 1);
});

test('a connection carries lines, bytes, and its end', async () => {
  install({ role: { name: 'Worker', endpoints: [internal('Ask', 7000)] } });
  const listener = await net.listen(environment.currentInstance().endpoint('Ask'));
  assert.equal(listener.localAddress, '10.0.0.4:7000');
  const client = await installed.connect('10.0.0.4:7000');
  const server = await listener.accept();
  assert.equal(server.localAddress, '10.0.0.4:7000');
  assert.equal(server.peerAddress, client.localAddress);
  await client.write('first\r\nsec');
  await client.write('ond\nrest');
  await client.end();
  assert.equal(await server.readLine(), 'first');
  assert.equal(await server.readLine(), 'second');
  assert.equal(await server.readLine(), 'rest');
  assert.equal(await server.readLine(), undefined);
  await server.end('answer');
  assert.equal(new TextDecoder().decode(await client.readAll()), 'answer');
  server.close();
  listener.close();
  assert.equal(await listener.accept(), undefined);
});

test('a line that is too long is refused, wherever it breaks', async () => {
  install({ role: { name: 'Worker', endpoints: [internal('Ask', 7000)] } });
  const listener = await net.listen('10.0.0.4:7000');
  for (const parts of [['x'.repeat(11), '\n'], ['x'.repeat(6), 'x'.repeat(6)]]) {
    const client = await installed.connect('10.0.0.4:7000');
    const server = await listener.accept();
    for (const part of parts) await client.write(part);
    await assert.rejects(server.readLine(10), { code: 'too-long' });
    server.close();
  }
});

test('the network says what is wrong by a code', async () => {
  install({ role: { name: 'Worker', endpoints: [internal('Ask', 7000)] }, roles: [{ name: 'Office', endpoints: [internal('Desk', 1)] }] });
  const code = expected => error => error instanceof NetError && error.code === expected;
  await assert.rejects(net.connect('10.0.0.9:1'), code('connection-refused'));
  await assert.rejects(net.connect('Nobody:1'), code('name-unresolvable'));
  for (const target of ['nonsense', '10.0.0.4', '10.0.0.4:99999', { host: 'x' }, undefined]) {
    await assert.rejects(net.connect(target), code('invalid-address'), String(target));
  }
  await assert.rejects(net.listen('10.0.0.5:7000'), code('address-not-bindable'));
  await net.listen('10.0.0.4:7000');
  await assert.rejects(net.listen('10.0.0.4:7000'), code('address-in-use'));
  assert.deepEqual(await net.resolve('office'), ['10.0.0.5']);
  assert.deepEqual(await net.resolve('0.Office'), ['10.0.0.5']);
  assert.deepEqual(await net.resolve('Office_IN_0'), ['10.0.0.5']);
});

test('a connection that comes too late is given up, and closed', async () => {
  install({ role: { name: 'Worker', endpoints: [internal('Ask', 7000)] } });
  const { connect } = installed.network;
  let arrived;
  installed.network.connect = () => new Promise(resolve => (arrived = resolve));
  await assert.rejects(installed.wait(net.connect('10.0.0.4:7000', { timeout: 5000 })), { code: 'timeout', name: 'NetError' });
  assert.equal(installed.now(), 5000);
  const listener = await net.listen('10.0.0.4:7000');
  arrived(connect.call(installed.network, { host: '10.0.0.4', port: 7000 }));
  assert.equal(await (await listener.accept()).read(), undefined);
  installed.network.connect = connect;
  (await net.connect('10.0.0.4:7000', { timeout: 5000 })).close();
});

test('a read that waits ends when its stream is closed', async () => {
  install({ role: { name: 'Worker', endpoints: [internal('Ask', 7000)] } });
  const listener = await net.listen('10.0.0.4:7000');
  const client = await net.connect('10.0.0.4:7000');
  await listener.accept();
  const reading = assert.rejects(client.read(), { code: 'closed' });
  client.close();
  await reading;
  await assert.rejects(client.write('x'), { code: 'closed' });
});

test('datagrams arrive, with their sender', async () => {
  install({ role: { name: 'Worker', endpoints: [internal('In', 7000)] } });
  const server = await net.datagrams('10.0.0.4:7000');
  const client = await net.datagrams();
  await client.send('hello', '10.0.0.4:7000');
  const { bytes, from } = await server.receive();
  assert.equal(new TextDecoder().decode(bytes), 'hello');
  assert.equal(from, client.localAddress);
  const waiting = assert.rejects(server.receive(), { code: 'closed' });
  server.close();
  await waiting;
});

test('local storage is a folder, and files have errors of their own', async () => {
  install({ role: 'Worker', localResources: { Disk: { sizeInMegabytes: 5 } } });
  const { path, sizeInMegabytes } = environment.localResource('Disk');
  assert.equal(sizeInMegabytes, 5);
  await files.makeFolder(`${path}/a/b`);
  await files.write(`${path}/a/b/c.txt`, 'one');
  await files.append(`${path}/a/b/c.txt`, ' two');
  assert.equal(await files.readText(`${path}/a/b/c.txt`), 'one two');
  await files.rename(`${path}/a/b/c.txt`, `${path}/d.txt`);
  assert.deepEqual(await files.list(path), ['a', 'd.txt']);
  assert.equal(await files.exists(`${path}/a/b/c.txt`), false);
  await files.remove(`${path}/d.txt`);
  await assert.rejects(files.read(`${path}/d.txt`), error => error instanceof FileError && error.code === 'no-entry');
  await assert.rejects(files.remove(`${path}/a`), { code: 'not-empty' });
  installed.uninstall();
  install({ role: 'Worker' });
  assert.equal(await files.exists(path), false);
});

test('fetch gets what the test says, and never the network', async () => {
  install({ role: 'Web' });
  await assert.rejects(fetch('http://example.com/'), /the role fetches http:\/\/example.com\/.*answerFetch/);
  installed.answerFetch(async request => new Response(`${request.method} ${request.url} ${await request.text()}`));
  const response = await fetch('http://Worker:8080/x', { method: 'POST', body: 'y' });
  assert.equal(await response.text(), 'POST http://worker:8080/x y');
});
