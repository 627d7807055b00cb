// Node finds `@wasm-roles/sdk` here when the role has not installed it, and something for the interfaces of WIT that a role
// imports itself.

const SDK = new URL('../', import.meta.url);
const FILES = { '@wasm-roles/sdk': 'src/index.js', '@wasm-roles/sdk/testing': 'src/testing/index.js' };
const INTERFACE = /^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*\/[a-z]/;
const NOT_NODE = /^(node|file|data|https?):/;

/** As node's hook of this name. */
export async function resolve(specifier, context, next) {
  if (INTERFACE.test(specifier) && !NOT_NODE.test(specifier)) return { url: 'data:text/javascript,export default {}', shortCircuit: true };
  const file = FILES[specifier];
  if (file === undefined) return next(specifier, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return { url: new URL(file, SDK).href, shortCircuit: true };
  }
}
