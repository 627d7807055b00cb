// What the imports of a component throw.

/** The case of a WIT error: `connection-refused`. */
export function code(error) {
  const payload = error?.payload ?? error;
  return typeof payload === 'string' ? payload : (payload?.tag ?? String(error?.message ?? error));
}

/** What an error of WIT says besides its case, if anything. */
export function detail(error) {
  const value = (error?.payload ?? error)?.val;
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
