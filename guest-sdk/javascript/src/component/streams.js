// The two ends of a component-model stream, made safe to close while somebody waits for them.

const NOTHING = new Uint8Array(0);

/** The end that is read from. */
export class Incoming {
  #stream;
  #reading;

  constructor(stream) {
    this.#stream = stream;
  }

  /** Up to `count` items; none at the end, and when it is closed. */
  async read(count) {
    if (this.#stream === undefined) return NOTHING;
    this.#reading = this.#stream.read(count);
    try {
      return await this.#reading;
    } catch (error) {
      if (this.#stream === undefined) return NOTHING;
      throw error;
    } finally {
      this.#reading = undefined;
    }
  }

  close() {
    const stream = this.#stream;
    this.#stream = undefined;
    release(stream, this.#reading, 'cancelRead');
  }
}

/** The end that is written to. */
export class Outgoing {
  #stream;
  #writing;

  constructor(stream) {
    this.#stream = stream;
  }

  /** Writes all of it; false if the other end takes no more. */
  async write(bytes) {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#stream === undefined) return false;
      this.#writing = this.#stream.write(rest);
      const count = await this.#writing.finally(() => {
        this.#writing = undefined;
      });
      if (count === 0) return false;
      rest = rest.subarray(count);
    }
    return true;
  }

  close() {
    const stream = this.#stream;
    this.#stream = undefined;
    release(stream, this.#writing, 'cancelWrite');
  }
}

// An end that somebody waits for is called off first, and dropped when that is done.
function release(stream, waiting, cancel) {
  if (stream === undefined) return;
  if (waiting === undefined) {
    stream.drop();
    return;
  }
  const drop = () => stream.drop();
  waiting.then(drop, drop);
  stream[cancel]();
}
