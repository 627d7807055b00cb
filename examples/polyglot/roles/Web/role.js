// The web role of the service: a page with a form, and what the other roles know of a text.

import { environment, net, timeout } from '@wasm-roles/sdk';
import { page } from './page.js';

const PATIENCE = 5000;
const LONGEST_LINE = 4096;
// What a line of the protocol may hold besides its verb: the text without line breaks.
const LONGEST_TEXT = 4000;

export function onStart() {
  console.log(`Web answers with the title ${environment.setting('Title')}`);
}

export async function handle(request) {
  const url = new URL(request.url);
  if (request.method !== 'GET') return new Response('Only GET is known here.\n', { status: 405, headers: { allow: 'GET' } });
  if (url.pathname === '/') return html(page(environment.setting('Title')));
  if (url.pathname === '/analyse') return analyse(url.searchParams.get('text'));
  const reach = /^\/reach\/([A-Za-z0-9]+)$/.exec(url.pathname);
  if (reach !== null) return reached(reach[1]);
  return new Response('There is no such page.\n', { status: 404 });
}

const html = text => new Response(text, { headers: { 'content-type': 'text/html; charset=utf-8' } });

async function analyse(given) {
  const text = (given ?? '').replace(/\s+/g, ' ').trim();
  if (text === '') return Response.json({ error: 'there is no text: ask for /analyse?text=…' }, { status: 400 });
  if (new TextEncoder().encode(text).length > LONGEST_TEXT) {
    return Response.json({ error: `the text has more than ${LONGEST_TEXT} bytes` }, { status: 400 });
  }
  try {
    const [words, longest, checksum, seen, ...names] = await ask('Words', `ANALYSE ${text}`);
    const answeredBy = { Web: environment.currentInstance().id, Words: names[0], Checksum: names[1], Ledger: names[2] };
    return Response.json({ text, words: Number(words), longest, checksum, seen: Number(seen), answered_by: answeredBy });
  } catch (error) {
    return Response.json({ error: error.message }, { status: 502 });
  }
}

// The fields of what an instance of this role answers to one line.
async function ask(role, line) {
  const stream = await net.connect(endpointOf(role), { timeout: PATIENCE });
  try {
    await stream.write(`${line}\n`);
    const answer = await timeout(PATIENCE, stream.readLine(LONGEST_LINE));
    const [verdict, ...fields] = (answer ?? '').split(' ');
    if (verdict === 'OK') return fields;
    throw new Error(verdict === 'ERROR' ? fields.join(' ') : `${role} does not answer`);
  } finally {
    stream.close();
  }
}

async function reached(role) {
  const known = environment.role(role);
  if (known === undefined) return new Response('There is no such role.\n', { status: 404 });
  try {
    (await net.connect(endpointOf(role), { timeout: PATIENCE })).close();
    return Response.json({ role, result: 'connected' });
  } catch (error) {
    return Response.json({ role, result: error.code ?? error.message });
  }
}

// An internal endpoint of any instance of this role.
function endpointOf(role) {
  const instances = environment.role(role)?.instances ?? [];
  const endpoints = instances.flatMap(instance => instance.internalEndpoints());
  if (endpoints.length === 0) throw new Error(`${role} has no instance that can be reached`);
  return endpoints[Math.floor(Math.random() * endpoints.length)];
}
