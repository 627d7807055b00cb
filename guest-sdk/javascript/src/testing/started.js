// A role that runs under test, and what the fabric does with it.

import { Request } from '../http/request.js';

/** How long the handler of an event has, in milliseconds: later, the fabric goes on without it, so a test fails. */
export const EVENT_DEADLINE = 10_000;

/** How long `onStop` has, in milliseconds: later, the fabric cuts the instance off, so a test fails. */
export const STOP_BUDGET = 30_000;

const START = 24 * 60 * 60 * 1000;

/** A role whose `onStart` has succeeded and whose `run` is under way, or has returned. */
export class StartedRole {
  #double;
  #role;
  #result;

  static async begin(double, role) {
    const started = new StartedRole();
    started.#double = double;
    started.#role = role;
    await double.call(async () => role.onStart?.(), START, 'onStart');
    const run = role.run ?? (() => new Promise(() => {}));
    Promise.resolve()
      .then(() => run())
      .then(
        () => (started.#result = {}),
        error => (started.#result = { error }),
      );
    // Time does not pass: it gets to where it first waits.
    await double.time.run(double.time.now);
    return started;
  }

  /** Undefined while `run` goes on. When it has returned: an object, with `error` if it threw one; the fabric would recycle the instance. */
  get runResult() {
    return this.#result;
  }

  /**
   * Gives settings other values, as a new configuration does: `changing` while the old ones can still be read, then the change,
   * then `changed`. A role that answers `recycle` hears no `changed`: the fabric would start it again with the new values.
   */
  async changeSettings(values) {
    const { view } = this.#double;
    const differing = Object.entries(values).filter(([name, value]) => view.differs(name, value));
    if (differing.length === 0) return 'accept';
    const changes = differing.map(([name]) => ({ kind: 'configuration-setting', name }));
    const verdict = await this.changing(changes);
    for (const [name, value] of differing) view.set(name, value);
    if (verdict === 'accept') await this.changed(changes);
    return verdict;
  }

  /** Gives a role another number of instances; the role under test is told if it can see that role. */
  async changeInstances(role, count) {
    const { view } = this.#double;
    if (view.count(role) === count) return 'accept';
    const changes = [{ kind: 'topology', name: role }];
    const told = view.hearsOf(role);
    const verdict = told ? await this.changing(changes) : 'accept';
    view.resize(role, count);
    if (told && verdict === 'accept') await this.changed(changes);
    return verdict;
  }

  /** As `changeInstances`, told to all instances at once, which a role cannot refuse. */
  async changeInstancesAtOnce(role, count) {
    const { view } = this.#double;
    if (view.count(role) === count) return;
    const changes = [{ kind: 'topology', name: role }];
    const told = view.hearsOf(role);
    if (told) await this.#event('simultaneousChanging', changes);
    view.resize(role, count);
    if (told) await this.#event('simultaneousChanged', changes);
  }

  /** Asks the role about changes; nothing is changed. */
  async changing(changes) {
    return (await this.#event('changing', changes)) ?? 'accept';
  }

  /** Tells the role of changes. */
  async changed(changes) {
    await this.#event('changed', changes);
  }

  /** Asks the role for its status, as the fabric does every 15 seconds. */
  async statusCheck() {
    return this.#role.statusCheck === undefined ? 'ready' : this.#event('statusCheck');
  }

  /** Lets a web role answer a request: a path such as `/orders?page=2`, or a whole address, and what `Request` takes. */
  handle(target, init) {
    const request = target instanceof Request ? target : new Request(new URL(target, 'http://localhost/').href, init);
    return this.#double.call(async () => this.#role.handle(request), START, 'handle');
  }

  /** Stops the role: `stopping`, then `onStop`, while `run` goes on. Then nothing of it does. */
  async stop() {
    await this.#event('stopping');
    await this.#double.call(async () => this.#role.onStop?.(), STOP_BUDGET, 'onStop');
    this.#double.time.clear();
    this.#double.network.clear();
  }

  #event(name, ...values) {
    return this.#double.call(async () => this.#role[name]?.(...values), EVENT_DEADLINE, name);
  }
}
