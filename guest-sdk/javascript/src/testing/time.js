// A clock that stands still while somebody has something to do, and then jumps to the next thing that somebody waits for.

// Turns of node's loop in which nothing begins: by then all promises that could go on have gone on.
const QUIET_TURNS = 3;

const turn = setImmediate;

/** The time of a test. */
export class Time {
  now = 0;
  #timers = [];
  #order = 0;
  #busy = 0;

  /** Calls `action` once after this time; the function that comes back calls it off. */
  later(milliseconds, action) {
    const timer = { due: this.now + Math.max(Number(milliseconds) || 0, 0), order: this.#order++, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer);
    };
  }

  /** Counts work that node does meanwhile, such as reading a file: no time passes until it is done. */
  async during(work) {
    this.#busy += 1;
    try {
      return await work;
    } finally {
      this.#busy -= 1;
    }
  }

  /** Lets time pass until `end`, or until `done` says so; whether it did. */
  async run(end, done = () => false) {
    for (;;) {
      await this.#settle(done);
      if (done()) return true;
      const next = this.#next();
      if (next === undefined || next.due > end) return false;
      this.#timers = this.#timers.filter(timer => timer !== next);
      this.now = Math.max(this.now, next.due);
      next.action();
    }
  }

  /** Nobody is called any more. */
  clear() {
    this.#timers = [];
  }

  #next() {
    const earlier = (a, b) => (b.due < a.due || (b.due === a.due && b.order < a.order) ? b : a);
    return this.#timers.length === 0 ? undefined : this.#timers.reduce(earlier);
  }

  async #settle(done) {
    for (let quiet = 0; quiet < QUIET_TURNS && !done(); ) {
      quiet = this.#busy > 0 ? 0 : quiet + 1;
      await new Promise(resolve => turn(resolve));
    }
  }
}
