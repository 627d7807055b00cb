// The parts of a component in one folder, laid out as node would find them.

import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Mistake } from './mistake.mjs';

const SDK_NAME = '@wasm-roles/sdk';

/** Copies the role's own files, the SDK, and the packages that the role depends on, with theirs. */
export async function gather({ folder, manifest, parts, sdk }) {
  const modules = join(parts, 'node_modules');
  await mkdir(modules, { recursive: true });
  await copy(folder, join(parts, basename(folder)));
  await mkdir(join(modules, SDK_NAME), { recursive: true });
  await cp(join(sdk, 'package.json'), join(modules, SDK_NAME, 'package.json'));
  await copy(join(sdk, 'src'), join(modules, SDK_NAME, 'src'));
  const placed = new Map([[SDK_NAME, await realpath(sdk)]]);
  await dependencies({ folder, manifest, target: modules, modules, placed });
}

// A package goes to the top, unless another version of it is there already: then below the one that asks for it.
async function dependencies({ folder, manifest, target, modules, placed }) {
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (name === SDK_NAME) continue;
    const source = await realpath(found(folder, name));
    if (placed.get(name) === source) continue;
    const place = join(placed.has(name) ? target : modules, name);
    if (!placed.has(name)) placed.set(name, source);
    await copy(source, place);
    const own = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
    await dependencies({ folder: source, manifest: own, target: join(place, 'node_modules'), modules, placed });
  }
}

function found(folder, name) {
  for (let above = folder; ; above = dirname(above)) {
    const place = join(above, 'node_modules', name);
    if (existsSync(place)) return place;
    if (dirname(above) === above) throw new Mistake(`the package ${name} is not installed for ${folder}: run \`npm install\` there`);
  }
}

function copy(source, target) {
  const kept = path => path === source || !(basename(path) === 'node_modules' || basename(path).startsWith('.'));
  return cp(source, target, { recursive: true, dereference: true, filter: kept });
}
