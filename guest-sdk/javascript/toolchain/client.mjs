// `send` of `wasi:http/client` is an asynchronous function. componentize-qjs 0.4 refuses to make a component that imports it so, and makes
// one in which it is synchronous (see `wit/worlds.wit`). The host has the asynchronous one, and a component may call such a function
// synchronously: it then waits. So all that is wrong is one byte in the type of the import, wherever that type stands.

import { Mistake } from './mistake.mjs';

const PREAMBLE = 8;
const NESTED_COMPONENT = 4;
const TYPES = 7;
const SYNCHRONOUS = 0x40;
const ASYNCHRONOUS = 0x43;

// In an instance type: a function type with the parameter `request`, own<request>, and a result; then its export as `send`. What stands for numbers
// of types differs.
const PARAMETER = Buffer.from('\x01\x07request');
const EXPORT = Buffer.from('\x04\x00\x04send\x01');
// At most this many bytes lie between the two: two numbers of types, and a mark.
const BETWEEN = 12;

/** The same component, with the type of the import as the host has it. */
export function withAsynchronousClient(component) {
  const result = Buffer.from(component);
  const count = mended(result, 0, result.length);
  if (count === 0) {
    throw new Mistake(
      'the component that componentize-qjs has made does not import wasi:http/client in the way that is known here; ' +
        'use componentize-qjs@0.4.5',
    );
  }
  return result;
}

// How many there were in the component between these places.
function mended(bytes, begin, end) {
  let count = 0;
  for (let at = begin + PREAMBLE; at < end; ) {
    const section = bytes[at];
    const [size, content] = number(bytes, at + 1);
    if (section === NESTED_COMPONENT) count += mended(bytes, content, content + size);
    if (section === TYPES) count += mendedTypes(bytes, content, content + size);
    at = content + size;
  }
  return count;
}

function mendedTypes(bytes, begin, end) {
  let count = 0;
  const types = bytes.subarray(begin, end);
  for (let at = types.indexOf(PARAMETER); at > 0; at = types.indexOf(PARAMETER, at + 1)) {
    const after = at + PARAMETER.length;
    const isSend = types.subarray(after, after + BETWEEN + EXPORT.length).includes(EXPORT);
    if (types[at - 1] !== SYNCHRONOUS || !isSend) continue;
    types[at - 1] = ASYNCHRONOUS;
    count += 1;
  }
  return count;
}

// An unsigned number as WebAssembly writes it, and the place after it.
function number(bytes, begin) {
  let value = 0;
  for (let at = begin, shift = 1; ; at++, shift *= 128) {
    if (at >= bytes.length || at > begin + 4) throw new Mistake('componentize-qjs has made something that is no component');
    value += (bytes[at] & 0x7f) * shift;
    if (bytes[at] < 0x80) return [value, at + 1];
  }
}
