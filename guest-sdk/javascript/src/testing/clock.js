// The double's time.

import { current } from './double.js';

export const now = () => current('now').time.now;
export const later = (milliseconds, action) => current('sleep').time.later(milliseconds, action);

export function reportError(error) {
  current('spawn').errors.push(error);
  console.error(error);
}
