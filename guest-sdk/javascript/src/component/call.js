// One call of the fabric.

import { wake } from './awake.js';
import { FILE_BYTES } from './types.js';

/**
 * Runs what one export does as one task. Two rules of tasks do not go together with promises: a task that waits for nothing of the host's
 * is over, though its promise may be one that another task resolves; and a result is given to whichever task is running, though
 * the promise may have been resolved out of another one. So each task waits for a byte from itself: until it comes the task is not over,
 * and when it comes the running task is this one.
 */
export async function call(work) {
  wake();
  const { readable, writable } = wit.Stream(FILE_BYTES);
  const done = readable.read(1);
  let outcome;
  const finish = result => {
    outcome = result;
    return writable.write(new Uint8Array(1));
  };
  work().then(
    value => finish({ value }),
    error => finish({ error }),
  );
  await done;
  readable.drop();
  writable.drop();
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
