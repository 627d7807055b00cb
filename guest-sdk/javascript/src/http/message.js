// Responses of HTTP/1.1, read from a stream.

const LARGEST_HEAD = 64 * 1024;
const LINE_FEED = 10;
const STATUS = /^HTTP\/1\.[01] ([1-5]\d\d)(?: .*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** Reads one response after the other. */
export class MessageReader {
  #stream;
  #rest = new Uint8Array(0);

  constructor(stream) {
    this.#stream = stream;
  }

  /** The status, and the header fields. */
  async head() {
    let size = 0;
    const line = async () => {
      const text = await this.#line();
      size += text.length;
      if (size > LARGEST_HEAD) throw tooLong();
      return text;
    };
    const first = await line();
    const status = STATUS.exec(first)?.[1];
    if (status === undefined) throw new Error(`the answer is no HTTP: it begins with ${JSON.stringify(first.slice(0, 40))}`);
    const headers = [];
    for (let text = await line(); text !== ''; text = await line()) {
      const field = FIELD.exec(text);
      if (field === null) throw new Error(`${JSON.stringify(text.slice(0, 40))} is no header of HTTP`);
      headers.push([field[1].toLowerCase(), field[2]]);
    }
    return { status: Number(status), headers };
  }

  /** The body that belongs to these header fields. */
  async *body(headers) {
    const values = name => headers.filter(([field]) => field === name).map(([, value]) => value);
    const coding = values('transfer-encoding').join(',').toLowerCase();
    if (coding !== '') {
      if (coding !== 'chunked') throw new Error(`the answer has the transfer coding ${coding}, which is not known here`);
      yield* this.#chunks();
      return;
    }
    const lengths = [...new Set(values('content-length'))];
    if (lengths.length === 0) {
      for (let bytes = await this.#some(Infinity); bytes !== undefined; bytes = await this.#some(Infinity)) yield bytes;
      return;
    }
    if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0])) throw new Error(`the answer has the content-length ${lengths.join(', ')}`);
    yield* this.#exactly(Number(lengths[0]));
  }

  async *#chunks() {
    for (;;) {
      const size = /^([0-9A-Fa-f]{1,12})[ \t]*(;.*)?$/.exec(await this.#line())?.[1];
      if (size === undefined) throw new Error('a chunk of the answer has no size');
      const length = parseInt(size, 16);
      if (length === 0) break;
      yield* this.#exactly(length);
      if ((await this.#line()) !== '') throw new Error('a chunk of the answer is longer than its size');
    }
    while ((await this.#line()) !== '');
  }

  async *#exactly(length) {
    for (let left = length; left > 0; ) {
      const bytes = await this.#some(left);
      if (bytes === undefined) throw new Error(`the answer ended ${left} bytes too early`);
      left -= bytes.length;
      yield bytes;
    }
  }

  // Bytes that are there, at most so many; undefined at the end.
  async #some(most) {
    const bytes = this.#rest.length > 0 ? this.#rest : await this.#stream.read();
    if (bytes === undefined) return undefined;
    this.#rest = bytes.subarray(Math.min(most, bytes.length));
    return bytes.subarray(0, Math.min(most, bytes.length));
  }

  // A line of a head; header values are bytes, one for each character.
  async #line() {
    let text = '';
    for (let bytes = await this.#some(Infinity); bytes !== undefined; bytes = await this.#some(Infinity)) {
      const end = bytes.indexOf(LINE_FEED);
      const part = end < 0 ? bytes : bytes.subarray(0, end);
      if (text.length + part.length > LARGEST_HEAD) throw tooLong();
      text += String.fromCharCode.apply(null, part);
      if (end < 0) continue;
      this.#rest = bytes.subarray(end + 1);
      return text.endsWith('\r') ? text.slice(0, -1) : text;
    }
    throw new Error('the answer ended before its head did');
  }
}

const tooLong = () => new Error(`the head of the answer has more than ${LARGEST_HEAD} characters`);
