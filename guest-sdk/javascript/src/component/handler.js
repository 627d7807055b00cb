// Requests of a web role, from `wasi:http` 0.3 and back.

import wasi from 'wasi:http/types@0.3.0';
import { BodyTooLong } from '../http/body.js';
import { latin, receivedHeaders, textOf } from '../http/headers.js';
import { receivedRequest } from '../http/request.js';
import { Response } from '../http/response.js';
import { toBytes } from '../text.js';
import { reportError } from './clock.js';
import { Incoming, Outgoing } from './streams.js';
import { HTTP_BYTES, SENT, TRAILERS, fulfilled } from './types.js';

const CHUNK = 64 * 1024;
const NO_CONTENT_LENGTH = [204, 304];

/** What a role's `handle` answers to a request of the host; a handler that throws answers 500. */
export async function answer(incoming, handle) {
  const content = new Content(incoming);
  const request = receivedRequest({
    method: methodOf(incoming),
    url: urlOf(incoming),
    headers: headersOf(incoming),
    body: content,
  });
  try {
    const response = await handle(request);
    if (!Number.isInteger(response?.status)) {
      throw new TypeError(`handle answered ${String(response)} to ${request.method} ${request.url}, and no Response`);
    }
    return outgoing(response, request.method, () => content.release());
  } catch (error) {
    return outgoing(failed(error, request), request.method, () => content.release());
  }
}

// What the client hears of an error. That its body is too long is the client's own.
function failed(error, request) {
  if (error instanceof BodyTooLong && error.of === request) return new Response(`${error.message}\n`, { status: 413 });
  reportError(error);
  return new Response('The role could not answer; its log says why.\n', { status: 500 });
}

// The body of a request is taken from the host when somebody begins to read it.
class Content {
  #request;

  constructor(request) {
    this.#request = request;
  }

  async *[Symbol.asyncIterator]() {
    if (this.#request === undefined) throw new TypeError('the request is over: its body can be read no more');
    const request = this.#request;
    this.#request = undefined;
    const [stream, trailers] = wasi.Request.consumeBody(request, fulfilled(SENT, { tag: 'ok' }));
    const incoming = new Incoming(stream);
    try {
      for (let bytes = await incoming.read(CHUNK); bytes.length > 0; bytes = await incoming.read(CHUNK)) yield bytes;
      const end = await trailers.read();
      if (end?.tag === 'err') throw new Error(`the client left half-way: ${end.val.tag}`);
    } finally {
      incoming.close();
      trailers.drop();
    }
  }

  /** Nobody will read it. */
  release() {
    this.#request?.[Symbol.dispose]();
    this.#request = undefined;
  }
}

function outgoing(response, method, done) {
  const whole = typeof response.whole === 'function' ? response.whole() : undefined;
  const headers = Array.from(response.headers, ([name, value]) => [name, latin(value)]);
  const counted = whole !== undefined && !NO_CONTENT_LENGTH.includes(response.status);
  if (counted && !response.headers.has('content-length')) headers.push(['content-length', latin(String(whole.length))]);
  const empty = whole?.length === 0 || method === 'HEAD' || response.body === null;
  let contents = null;
  if (empty) {
    done();
  } else {
    const { readable, writable } = wit.Stream(HTTP_BYTES);
    contents = readable;
    deliver(whole === undefined ? response.body : [whole], new Outgoing(writable)).then(done, done);
  }
  const fields = wasi.Fields.fromList(headers);
  const [result, over] = wasi.Response.new(fields, contents, fulfilled(TRAILERS, { tag: 'ok', val: null }));
  result.setStatusCode(response.status);
  over.drop();
  return result;
}

async function deliver(pieces, outgoing) {
  try {
    for await (const piece of pieces) {
      if (!(await outgoing.write(toBytes(piece)))) break;
    }
  } catch (error) {
    reportError(error);
  } finally {
    outgoing.close();
  }
}

const methodOf = request => {
  const { tag, val } = request.getMethod();
  return tag === 'other' ? val : tag.toUpperCase();
};

function urlOf(request) {
  const scheme = request.getScheme();
  const name = scheme === null ? 'http' : scheme.tag === 'other' ? scheme.val : scheme.tag.toLowerCase();
  return `${name}://${request.getAuthority() ?? 'localhost'}${request.getPathWithQuery() ?? '/'}`;
}

function headersOf(request) {
  const fields = request.getHeaders();
  const entries = fields.copyAll().map(([name, value]) => [name, textOf(value)]);
  fields[Symbol.dispose]();
  return receivedHeaders(entries);
}
