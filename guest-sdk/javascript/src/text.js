// UTF-8, for an engine that has no TextEncoder.

/** The bytes of a text; half a surrogate pair becomes U+FFFD. */
export function encode(text) {
  const { length } = text;
  const ascii = new Uint8Array(length);
  let place = 0;
  for (; place < length; place++) {
    const unit = text.charCodeAt(place);
    if (unit > 0x7f) break;
    ascii[place] = unit;
  }
  return place === length ? ascii : encodeFrom(text, place, ascii);
}

function encodeFrom(text, place, ascii) {
  const bytes = new Uint8Array(place + 3 * (text.length - place));
  bytes.set(ascii.subarray(0, place));
  let at = place;
  for (; place < text.length; place++) {
    let point = text.codePointAt(place);
    if (point > 0xffff) place++;
    else if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) {
      bytes[at++] = point;
    } else if (point < 0x800) {
      bytes[at++] = 0xc0 | (point >> 6);
      bytes[at++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    } else {
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes.subarray(0, at);
}

const PIECE = 4096;

/** The text of these bytes; what is no UTF-8 becomes U+FFFD, or throws a TypeError if `fatal`. */
export function decode(bytes, fatal = false) {
  const parts = [];
  let units = [];
  let place = 0;
  while (place < bytes.length) {
    const { point, size } = pointAt(bytes, place);
    if (point < 0) {
      if (fatal) throw new TypeError(`byte ${place} is no UTF-8`);
      units.push(0xfffd);
    } else if (point > 0xffff) {
      units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff));
    } else {
      units.push(point);
    }
    place += size;
    if (units.length >= PIECE) {
      parts.push(String.fromCharCode.apply(null, units));
      units = [];
    }
  }
  parts.push(String.fromCharCode.apply(null, units));
  return parts.join('');
}

const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];

// One code point, or -1 and the size of what cannot be the begin of one: as many bytes as a decoder of the web takes for one U+FFFD.
function pointAt(bytes, place) {
  const first = bytes[place];
  if (first < 0x80) return { point: first, size: 1 };
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return { point: -1, size: 1 };
  let point = first & (0xff >> (size + 1));
  for (let n = 1; n < size; n++) {
    const next = bytes[place + n];
    const [low, high] = n === 1 ? secondByte(first) : [0x80, 0xbf];
    if (next === undefined || next < low || next > high) return { point: -1, size: n };
    point = (point << 6) | (next & 0x3f);
  }
  return { point: point < SMALLEST[size] ? -1 : point, size };
}

function secondByte(first) {
  switch (first) {
    case 0xe0:
      return [0xa0, 0xbf];
    case 0xed:
      return [0x80, 0x9f];
    case 0xf0:
      return [0x90, 0xbf];
    case 0xf4:
      return [0x80, 0x8f];
    default:
      return [0x80, 0xbf];
  }
}

/** Text becomes its bytes; bytes stay as they are. */
export function toBytes(data) {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return encode(String(data));
}

/** All of them in one. */
export function joined(chunks) {
  if (chunks.length === 1) return chunks[0];
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
