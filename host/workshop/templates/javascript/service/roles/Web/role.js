// Web: greets, and shows what the worker says.

import { environment, net, timeout } from '@wasm-roles/sdk';

// How long the worker may take, in milliseconds.
const PATIENCE = 5000;

export async function handle(request) {
  const { pathname } = new URL(request.url);
  if (request.method === 'GET' && pathname === '/') return new Response(greeting() + (await workerSays()));
  return new Response('There is nothing here.\n', { status: 404 });
}

const greeting = () => `${environment.setting('Greeting')}, says ${environment.currentInstance().id}\n`;

// What an instance of the worker says, or why there is no answer.
async function workerSays() {
  let problem = 'it has no instance';
  for (const instance of environment.role('Worker')?.instances ?? []) {
    try {
      return `${await ask(instance)}\n`;
    } catch (error) {
      problem = error.message;
    }
  }
  return `Worker does not answer: ${problem}\n`;
}

async function ask(worker) {
  const stream = await net.connect(worker.endpoint('Ask'), { timeout: PATIENCE });
  try {
    return await timeout(PATIENCE, stream.readLine());
  } finally {
    stream.close();
  }
}
