// Outgoing HTTP through the client of the host, which has TLS. The engine can only call it as a function that waits, so until the head of the
// response is there the instance does nothing else: the times below bound that. It could not give the host the body of a request meanwhile, or say that
// it is over. The body of the response is a stream, and waits for nobody.

import client from 'wasi:http/client@0.3.0';
import wasi from 'wasi:http/types@0.3.0';
import { latin, receivedHeaders, textOf } from '../http/headers.js';
import { Response } from '../http/response.js';
import { code, detail } from './errors.js';
import { Incoming } from './streams.js';
import { SENT, TRAILERS, fulfilled } from './types.js';

const CHUNK = 64 * 1024;
const SECOND = 1e9;
const CONNECT = 5 * SECOND;
const HEAD = 10 * SECOND;
const METHODS = ['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch'];

/** Sends the request and waits for the head of its response. */
export async function sendThroughHost(request, url) {
  if ((await request.bytes()).length > 0) {
    throw new Error('a request with a body can be sent over http: only, and not over https: yet; let a role in another language send it');
  }
  try {
    const response = client.send(message(request, url));
    return received(response, request.method);
  } catch (error) {
    const words = [code(error), detail(error)].filter(word => word !== undefined);
    throw new Error(words.join(' '));
  }
}

function message(request, url) {
  const headers = Array.from(request.headers, ([name, value]) => [name, latin(value)]);
  const options = new wasi.RequestOptions();
  options.setConnectTimeout(CONNECT);
  options.setFirstByteTimeout(HEAD);
  const trailers = fulfilled(TRAILERS, { tag: 'ok', val: null });
  const [result, sent] = wasi.Request.new(wasi.Fields.fromList(headers), null, trailers, options);
  sent.drop();
  const name = request.method.toLowerCase();
  result.setMethod(METHODS.includes(name) ? { tag: name } : { tag: 'other', val: request.method });
  result.setScheme({ tag: 'HTTPS' });
  result.setAuthority(url.host);
  result.setPathWithQuery(url.pathname + url.search);
  return result;
}

function received(response, method) {
  const status = response.getStatusCode();
  const fields = response.getHeaders();
  const headers = receivedHeaders(fields.copyAll().map(([name, value]) => [name.toLowerCase(), textOf(value)]));
  fields[Symbol.dispose]();
  const empty = method === 'HEAD' || [204, 205, 304].includes(status);
  if (empty) response[Symbol.dispose]();
  return new Response(empty ? null : pieces(response), { status, headers });
}

async function* pieces(response) {
  const [stream, trailers] = wasi.Response.consumeBody(response, fulfilled(SENT, { tag: 'ok' }));
  const incoming = new Incoming(stream);
  try {
    for (let bytes = await incoming.read(CHUNK); bytes.length > 0; bytes = await incoming.read(CHUNK)) yield bytes;
    const end = await trailers.read();
    if (end?.tag === 'err') throw new Error(`the response ended half-way: ${code(end.val)}`);
  } finally {
    incoming.close();
    trailers.drop();
  }
}
