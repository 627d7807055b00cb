// What a role in JavaScript can do, asked line by line over TCP: one request per connection, one line in, one line out.

import { environment, files, net, sleep, spawn, timeout } from '@wasm-roles/sdk';

const heard = [];
let listener;
let ended;
const end = new Promise(resolve => (ended = resolve));

export async function onStart() {
  listener = await net.listen(environment.currentInstance().endpoint('In'));
  console.log(`In listens on ${listener.localAddress}`);
}

export async function run() {
  spawn(async () => {
    for await (const stream of listener) spawn(() => serve(stream));
  });
  await end;
}

export async function changing(changes) {
  heard.push('changing');
  return changes.some(({ name }) => name === 'Recycle') ? 'recycle' : 'accept';
}

export async function changed() {
  heard.push('changed');
}

export async function statusCheck() {
  if (!heard.includes('status-check')) heard.push('status-check');
  return 'ready';
}

export async function stopping() {
  heard.push('stopping');
  console.log(`heard ${heard.join(' ')}`);
}

export async function onStop() {
  console.log('stops');
}

async function serve(stream) {
  try {
    const line = await stream.readLine(4096);
    if (line !== undefined) await stream.end(`${await answered(line)}\n`);
  } finally {
    stream.close();
  }
}

async function answered(line) {
  const space = line.indexOf(' ');
  const verb = space < 0 ? line : line.slice(0, space);
  try {
    return `OK ${await answer(verb, space < 0 ? '' : line.slice(space + 1))}`.trimEnd();
  } catch (error) {
    return `ERROR ${error.message}`;
  }
}

async function answer(verb, rest) {
  switch (verb) {
    case 'SETTING':
      return environment.setting(rest);
    case 'INSTANCE':
      return environment.currentInstance().id;
    case 'STORE':
      return stored(rest);
    case 'EVENTS':
      return heard.join(' ');
    case 'FETCH':
      return (await timeout(5000, fetch(rest))).status;
    case 'CONNECT':
      (await net.connect(rest)).close();
      return '';
    case 'UDP':
      return echoed(...rest.split(/ (.*)/));
    case 'SLEEP':
      await sleep(Number(rest));
      return '';
    case 'EXIT':
      ended();
      return '';
    default:
      throw new Error(`unknown verb ${verb}`);
  }
}

async function stored(text) {
  const path = `${environment.localResource('Disk').path}/cell.txt`;
  await files.write(path, text);
  return files.readText(path);
}

async function echoed(address, text) {
  const socket = await net.datagrams();
  try {
    await socket.send(text, address);
    const { bytes } = await timeout(5000, socket.receive());
    return new TextDecoder().decode(bytes);
  } finally {
    socket.close();
  }
}
