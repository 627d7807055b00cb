// A worker role in TypeScript, as somebody would write it; the compiler is the test.

import { type Change, type LocalResource, type Role, type Verdict, environment, files, net, sleep, spawn, timeout } from '@wasm-roles/sdk';

let listener: net.TcpListener;

export async function onStart(): Promise<void> {
  listener = await net.listen(environment.currentInstance().endpoint('Ask'));
  const disk: LocalResource = environment.localResource('Disk');
  await files.write(`${disk.path}/started`, new Uint8Array([1]));
}

export async function run(): Promise<never> {
  spawn(async () => {
    for await (const stream of listener) {
      const line: string | undefined = await timeout(5000, stream.readLine());
      await stream.end(line?.toUpperCase() ?? '');
    }
  });
  for (;;) await sleep(1000);
}

export function changing(changes: Change[]): Verdict {
  return changes.every(({ kind, name }) => kind === 'configuration-setting' && name === 'Greeting') ? 'accept' : 'recycle';
}

export const statusCheck: Role['statusCheck'] = () => 'ready';

const role: Role = { onStart, run, changing, statusCheck };
void role;

// @ts-expect-error: no verdict
const wrong: Role = { changing: () => 'maybe' };
void wrong;

// @ts-expect-error: a setting has a name
environment.setting();

// @ts-expect-error: what is written is text or bytes
files.write('/local/Disk/x', 5);
