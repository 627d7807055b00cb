// A web role in TypeScript, and its test.

import { Request, Response, type WebRole, environment, fetch } from '@wasm-roles/sdk';
import { TestEnvironment } from '@wasm-roles/sdk/testing';

export const handle: WebRole['handle'] = async request => {
  const { page = 1 } = (await request.json()) as { page?: number };
  const answer: Response = await fetch(`http://Worker:8080/orders?page=${page}`, { headers: { accept: 'text/plain' } });
  if (!answer.ok) return new Response(null, { status: 502 });
  return Response.json({ orders: await answer.text(), by: environment.currentInstance().id });
};

const environmentOfTest = new TestEnvironment({
  role: { name: 'Web', instances: 2, endpoints: [{ name: 'Http', kind: 'input', protocol: 'http', port: 80 }] },
  roles: ['Worker'],
  settings: { Title: 'Orders' },
}).install();
environmentOfTest.answerFetch(request => new Response(request.url));
const web = await environmentOfTest.start({ handle });
const response: Response = await web.handle(new Request('http://localhost/', { method: 'POST', body: '{}' }));
const status: number = response.status;
void status;

// @ts-expect-error: a web role answers with a response
const wrong: WebRole = { handle: () => 'hello' };
void wrong;

// @ts-expect-error: a worker answers no requests
(await environmentOfTest.start({ run() {} })).handle('/');
