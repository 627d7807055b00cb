// What a role under test can ask, and the double that answers.

import { rmSync } from 'node:fs';
import { fetch } from '../http/fetch.js';
import { parsed } from '../net/address.js';
import { TcpStream } from '../net/stream.js';
import { install, uninstall } from './double.js';
import { MemoryNetwork } from './network.js';
import { StartedRole } from './started.js';
import { Time } from './time.js';
import { View, mistake } from './view.js';

const PATIENCE = 24 * 60 * 60 * 1000;
const GLOBALS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'fetch'];

/** What the service definition and the configuration would say; it answers nobody before `install`. */
export class TestEnvironment {
  #definition;

  constructor(definition) {
    this.#definition = definition;
  }

  /** From now on it answers, until `uninstall`. The timers of node go by its time too. */
  install() {
    return new Installed(new View(this.#definition));
  }
}

/** A double that answers. */
export class Installed {
  view;
  time = new Time();
  network = new MemoryNetwork(this);
  errors = [];
  recycleRequests = 0;
  #answer;
  #before = {};

  constructor(view) {
    this.view = view;
    install(this);
    for (const name of GLOBALS) this.#before[name] = globalThis[name];
    Object.assign(globalThis, timers(this.time), { fetch });
  }

  /** Calls `onStart` of a role's module, and begins `run`. Rejects with what `onStart` throws. */
  start(role) {
    return StartedRole.begin(this, role);
  }

  /** Lets this many milliseconds pass. */
  async pass(milliseconds) {
    const end = this.time.now + milliseconds;
    await this.time.run(end);
    this.time.now = end;
  }

  /** Milliseconds since the double was installed. */
  now() {
    return this.time.now;
  }

  /** Gives a setting another value without telling the role. */
  set(name, value) {
    this.view.set(name, value);
  }

  /** What `fetch` of the role gets: a function of the request. */
  answerFetch(answer) {
    this.#answer = answer;
  }

  /** Waits for a promise, and lets time pass meanwhile. */
  wait(promise) {
    return this.call(() => promise, PATIENCE, 'the promise');
  }

  /** Connects, as another instance of the service would, to an endpoint where the role listens. */
  async connect(target) {
    return new TcpStream(this.network.connect(parsed(target)));
  }

  /** Listens in place of another instance of the service: each connection is given to `serve` as a stream. */
  serve(target, serve) {
    const listening = this.network.listen(parsed(target), { foreign: true });
    const loop = async () => {
      for (let side = await listening.accept(); side !== undefined; side = await listening.accept()) {
        Promise.resolve(serve(new TcpStream(side))).catch(error => this.errors.push(error));
      }
    };
    loop();
    return listening;
  }

  /** Nothing of the double goes on, and node's own timers are back. */
  uninstall() {
    this.time.clear();
    this.network.clear();
    uninstall(this);
    Object.assign(globalThis, this.#before);
    for (const folder of this.view.made) rmSync(folder, { recursive: true, force: true });
  }

  // For the double's own parts.

  requestRecycle() {
    this.recycleRequests += 1;
  }

  async answerRequest(request) {
    if (this.#answer === undefined) {
      throw mistake(`the role fetches ${request.url}, and the test has not said what it gets: call \`answerFetch\``);
    }
    return this.#answer(request);
  }

  /** Calls a function of the role, and lets time pass until it is done. */
  async call(work, limit, what) {
    let outcome;
    const settled = async () => {
      try {
        outcome = { value: await work() };
      } catch (error) {
        outcome = { error };
      }
    };
    settled();
    const done = await this.time.run(this.time.now + limit, () => outcome !== undefined);
    if (!done) throw mistake(`${what} waits for something that does not come within ${limit / 1000} seconds of the test's time`);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }
}

// The timers of the web, by the time of the test.
function timers(time) {
  const cancels = new Map();
  let last = 0;
  const setTimeout = (action, wait, ...values) => {
    last += 1;
    cancels.set(last, time.later(wait, () => action(...values)));
    return last;
  };
  const setInterval = (action, wait, ...values) => {
    last += 1;
    const id = last;
    const again = () => {
      cancels.set(id, time.later(Math.max(wait, 1), again));
      action(...values);
    };
    cancels.set(id, time.later(Math.max(wait, 1), again));
    return id;
  };
  const clear = id => cancels.get(id)?.();
  return { setTimeout, setInterval, clearTimeout: clear, clearInterval: clear };
}
