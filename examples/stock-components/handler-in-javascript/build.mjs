// Makes a component of a script: node build.mjs app.js ../JavaScript/JavaScript.wasm
//
// The interfaces of WASI come with jco. It has those of 0.2.12, and the engine that componentize-js puts into the component
// exports its fetch handler as 0.2.10. Within 0.2 an interface only grows, so their text serves under the older number.

import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentize } from '@bytecodealliance/componentize-js';

const here = dirname(fileURLToPath(import.meta.url));
const interfaces = join(here, 'node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12');
const [source, output] = process.argv.slice(2);

const wit = await mkdtemp(join(tmpdir(), 'wit-'));
try {
  await cp(join(here, 'world.wit'), join(wit, 'world.wit'));
  await cp(interfaces, join(wit, 'deps'), { recursive: true });
  for (const folder of await readdir(join(wit, 'deps'))) {
    const file = join(wit, 'deps', folder, 'package.wit');
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll('@0.2.12', '@0.2.10'));
  }
  const { component } = await componentize({ sourcePath: source, witPath: wit, worldName: 'page' });
  await mkdir(dirname(output), { recursive: true });
  await writeFile(`${output}.new`, component);
  await rename(`${output}.new`, output);
} finally {
  await rm(wit, { recursive: true });
}
