// Worker: ticks, and tells whoever connects how often it has.

import { environment, net, sleep, spawn } from '@wasm-roles/sdk';

const listeners = [];
let ticks = 0;

// The endpoints are bound here, not in `run`: when the instance is ready, others can connect.
export async function onStart() {
  tickSeconds();
  for (const endpoint of environment.currentInstance().endpoints) {
    const listener = await net.listen(endpoint);
    console.log(`listening on ${listener.localAddress}`);
    listeners.push(listener);
  }
}

// When this returns, the instance is recycled: stopped, and started again.
export async function run() {
  for (const listener of listeners) spawn(() => serve(listener));
  for (;;) {
    ticks += 1;
    console.log(`tick ${ticks}`);
    // Asked for each time: the setting can change while the instance runs.
    await sleep(1000 * tickSeconds());
  }
}

async function serve(listener) {
  for await (const stream of listener) spawn(() => answer(stream));
}

async function answer(stream) {
  try {
    await stream.end(line());
  } finally {
    stream.close();
  }
}

const line = () => `${environment.currentInstance().id} has ticked ${ticks} times\n`;

// Seconds between ticks, as the configuration has them now.
function tickSeconds() {
  const setting = environment.setting('TickSeconds');
  const seconds = Number(setting);
  if (Number.isInteger(seconds) && seconds >= 1) return seconds;
  throw new Error(`TickSeconds is \`${setting}\`: it has to be a whole number from 1`);
}
