// A component of the folder of a role. componentize-qjs finds modules below one folder only, so everything that the role is made
// of is put together in a temporary folder first: its own files, the SDK, and the packages that it depends on.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportsOf, worldOf } from './exports.mjs';
import { withAsynchronousClient } from './client.mjs';
import { Mistake } from './mistake.mjs';
import { gather } from './parts.mjs';

const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
const TOOL = 'componentize-qjs';
const GET_TOOL = 'get it with `npm install --save-dev componentize-qjs@0.4.5`';

/** Makes the component `output` of the folder `role`. */
export async function componentize({ role, output, tool, work = tmpdir() }) {
  const folder = resolve(role);
  const manifest = await manifestOf(folder);
  const main = posix.normalize(manifest.main ?? 'role.js');
  const world = worldOf(exportsOf(join(folder, main)), main);
  // A folder of its own: the same role may be made twice at a time.
  const parts = await mkdtemp(join(work, 'role-'));
  try {
    await gather({ folder, manifest, parts, sdk: SDK });
    const entry = join(parts, 'entry.js');
    await writeFile(entry, entryModule(`./${basename(folder)}/${main}`, world));
    const made = join(parts, 'role.wasm');
    const words = ['--wit', join(SDK, 'wit'), '--world', world, '--js', entry, '--module-root', parts, '--output', made];
    run(tool ?? nearest(folder), words);
    const component = withAsynchronousClient(await readFile(made));
    await mkdir(dirname(resolve(output)), { recursive: true });
    await writeFile(output, component);
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

async function manifestOf(folder) {
  const path = join(folder, 'package.json');
  let text;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Mistake(`${path} cannot be read (${error.code}); the folder of a role has a package.json`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Mistake(`${path} is no JSON: ${error.message}`);
  }
}

// The module of the role comes last: by then everything is there that it may use at its top level.
function entryModule(path, world) {
  const [web, handler] =
    world === 'web-role'
      ? ["import * as web from '@wasm-roles/sdk/component/web';\n", 'export const handler = web.handler(role);\n']
      : ['', ''];
  return `import * as component from '@wasm-roles/sdk/component';
${web}import * as role from ${JSON.stringify(path)};

export const entryPoint = component.entryPoint(role);
export const events = component.events(role);
${handler}`;
}

// npm puts programs beside the package, or above it.
function nearest(folder) {
  const installed = join(folder, 'node_modules', '.bin', TOOL);
  if (existsSync(installed)) return installed;
  return dirname(folder) === folder ? TOOL : nearest(dirname(folder));
}

function run(program, words) {
  const { error, status, signal, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (error?.code === 'ENOENT') throw new Mistake(`${program} is not there; ${GET_TOOL}`);
  if (error !== undefined) throw new Mistake(`${program} cannot be run: ${error.message}`);
  if (status !== 0) throw new Mistake(`${TOOL} has failed (${signal ?? `exit code ${status}`}):\n${stdout}${stderr}`);
}
