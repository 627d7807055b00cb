// The doubles that are installed; the last one answers.

const installed = [];

/** The double that answers; whoever asks without one has made a mistake in a test. */
export function current(asked) {
  const double = installed.at(-1);
  if (double !== undefined) return double;
  throw new Error(
    `\`${asked}\` was called outside a component: there is no fabric to answer. In a unit test, install a test double first: ` +
      "`const environment = new TestEnvironment({ role: 'Worker' }).install()` (from '@wasm-roles/sdk/testing'); at the top level of a role's " +
      'module nothing can be asked, do it in onStart',
  );
}

export const isInstalled = () => installed.length > 0;

export const install = double => installed.push(double);

export function uninstall(double) {
  const place = installed.lastIndexOf(double);
  if (place >= 0) installed.splice(place, 1);
}
