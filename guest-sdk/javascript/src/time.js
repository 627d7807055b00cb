// Time, and work that goes on beside other work.

import { later, reportError } from '#clock';

/** The time of a `timeout` was over. */
export class Elapsed extends Error {
  constructor(milliseconds) {
    super(`the time of ${milliseconds} ms is over`);
    this.name = 'Elapsed';
  }
}

/** Waits while everything else goes on. */
export function sleep(milliseconds) {
  return new Promise(resolve => later(milliseconds, resolve));
}

/**
 * Waits for a promise, but no longer than this: then it rejects with `Elapsed`. Nothing ends what the promise
 * stands for; close the stream that it reads from, for example.
 */
export function timeout(milliseconds, promise) {
  return new Promise((resolve, reject) => {
    const cancel = later(milliseconds, () => reject(new Elapsed(milliseconds)));
    Promise.resolve(promise).then(
      value => {
        cancel();
        resolve(value);
      },
      error => {
        cancel();
        reject(error);
      },
    );
  });
}

/**
 * Begins work that nobody waits for, such as serving one connection. What it throws goes to the log of the instance; a
 * promise that is merely dropped would lose it.
 */
export function spawn(work) {
  const done = (async () => work())();
  done.catch(reportError);
  return done;
}
