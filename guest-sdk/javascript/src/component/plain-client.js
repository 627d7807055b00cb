// Outgoing HTTP/1.1 over a socket, one connection for each request: nobody else waits for it.

import { Response } from '../http/response.js';
import { receivedHeaders } from '../http/headers.js';
import { connect } from '../net/index.js';
import { encode, joined } from '../text.js';
import { MessageReader } from '../http/message.js';

const OWN_HEADERS = ['connection', 'content-length', 'host', 'keep-alive', 'te', 'transfer-encoding', 'upgrade'];

/** Sends the request and waits for the head of its response. */
export async function sendPlain(request, url) {
  const body = await request.bytes();
  const stream = await connect({ host: url.hostname, port: Number(url.port || 80) });
  try {
    await stream.write(joined([encode(head(request, url, body)), body]));
    const reader = new MessageReader(stream);
    let { status, headers } = await reader.head();
    while (status < 200) ({ status, headers } = await reader.head());
    const empty = request.method === 'HEAD' || [204, 205, 304].includes(status);
    if (empty) stream.close();
    return new Response(empty ? null : pieces(reader, headers, stream), { status, headers: receivedHeaders(headers) });
  } catch (error) {
    stream.close();
    throw error;
  }
}

function head(request, url, body) {
  const lines = [`${request.method} ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`, 'connection: close'];
  for (const [name, value] of request.headers) if (!OWN_HEADERS.includes(name)) lines.push(`${name}: ${value}`);
  if (body.length > 0 || !['GET', 'HEAD'].includes(request.method)) lines.push(`content-length: ${body.length}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

async function* pieces(reader, headers, stream) {
  try {
    yield* reader.body(headers);
  } finally {
    stream.close();
  }
}
