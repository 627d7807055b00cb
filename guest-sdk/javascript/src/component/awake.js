// A component is a snapshot of the role's module after its top level has run. What was opened, drawn or printed then would be the same in every
// instance, or lead nowhere: it waits for the first call of the fabric.

let awake = false;
let waiting = [];

/** Whether this is an instance, and not the module that a component is made of. */
export const isAwake = () => awake;

/** Calls `action` when the instance is called first. */
export function whenAwake(action) {
  waiting.push(action);
}

/** With each call of the fabric. */
export function wake() {
  if (awake) return;
  awake = true;
  for (const action of waiting) action();
  waiting = [];
}
