// Web: greets.

import { environment } from '@wasm-roles/sdk';

export function handle(request) {
  const { pathname } = new URL(request.url);
  if (request.method === 'GET' && pathname === '/') return new Response(greeting());
  return new Response('There is nothing here.\n', { status: 404 });
}

const greeting = () => `${environment.setting('Greeting')}, says ${environment.currentInstance().id}\n`;
