// What a role's module exports, found by loading it in node, where the SDK is the one for tests. So a mistake in the module is told
// by node, with its place, and whatever the module begins ends with that process.

import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { Mistake } from './mistake.mjs';

const REGISTER = new URL('./register.mjs', import.meta.url).href;
const RESULT = 'exports of the module: ';

const LIFE_CYCLE = ['onStart', 'run', 'onStop'];
const EVENTS = ['changing', 'changed', 'statusCheck', 'stopping', 'simultaneousChanging', 'simultaneousChanged'];
const HANDLER = 'handle';
const PATIENCE = 60_000;
const KNOWN = [...LIFE_CYCLE, ...EVENTS, HANDLER];

/** The names that the module exports, and what kind of thing each is. */
export function exportsOf(path) {
  const script = `const module = await import(${JSON.stringify(pathToFileURL(path))});
const kinds = Object.entries(module).map(([name, value]) => [name, typeof value]);
process.stdout.write(${JSON.stringify(`\n${RESULT}`)} + JSON.stringify(Object.fromEntries(kinds)), () => process.exit());`;
  const words = ['--import', REGISTER, '--input-type=module', '--eval', script];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 1 << 26, timeout: PATIENCE });
  const result = stdout?.split('\n').at(-1);
  if (status === 0 && result?.startsWith(RESULT)) return JSON.parse(result.slice(RESULT.length));
  throw new Mistake(`${path} cannot be loaded:\n${stderr || 'it has not come to an end within a minute'}`);
}

/** The world of the component: of a web role if it has a handler. */
export function worldOf(exports, main) {
  for (const [name, kind] of Object.entries(exports)) {
    if (KNOWN.includes(name) && kind !== 'function') throw new Mistake(`${main} exports \`${name}\` as ${kind}; it has to be a function`);
    const meant = KNOWN.find(known => plain(known) === plain(name));
    if (meant !== undefined && meant !== name) throw new Mistake(`${main} exports \`${name}\`; the fabric calls \`${meant}\``);
  }
  if (!KNOWN.some(name => name in exports)) {
    throw new Mistake(`${main} exports nothing that the fabric calls: ${KNOWN.join(', ')}`);
  }
  return HANDLER in exports ? 'web-role' : 'worker-role';
}

const plain = name => name.toLowerCase().replace(/[_-]/g, '');
