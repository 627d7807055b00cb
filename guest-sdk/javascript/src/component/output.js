// Standard output and standard error: the log of the instance. A line has left the instance when `write` returns.

import stderr from 'wasi:cli/stderr@0.2.12';
import stdout from 'wasi:cli/stdout@0.2.12';
import { encode } from '../text.js';
import { isAwake, whenAwake } from './awake.js';

const LARGEST_WRITE = 4096;

const streams = {};

/** Writes to `stdout` or `stderr`. */
export function write(name, text) {
  if (!isAwake()) {
    whenAwake(() => write(name, text));
    return;
  }
  const stream = (streams[name] ??= name === 'stderr' ? stderr.getStderr() : stdout.getStdout());
  const bytes = encode(text);
  try {
    for (let from = 0; from < bytes.length; from += LARGEST_WRITE) {
      stream.blockingWriteAndFlush(bytes.subarray(from, from + LARGEST_WRITE));
    }
  } catch {
    // There is nowhere to say that nothing can be said.
  }
}
