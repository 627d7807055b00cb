// What goes to npm: packed, installed from the packed file, and used.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
const CONTRACT = join(SDK, '../../wit');
const base = mkdtempSync(join(tmpdir(), 'package-'));

after(() => rmSync(base, { recursive: true }));

function run(folder, program, ...words) {
  const { error, status, stdout, stderr } = spawnSync(program, words, { cwd: folder, encoding: 'utf8' });
  assert.equal(error, undefined);
  assert.equal(status, 0, `${program} ${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test('the package has the contract as it is', () => {
  const read = (...path) => readFileSync(join(...path), 'utf8');
  assert.equal(read(SDK, 'wit/deps/role.wit'), read(CONTRACT, 'role.wit'), 'copy wit/role.wit to guest-sdk/javascript/wit/deps');
  for (const name of readdirSync(join(CONTRACT, 'deps'))) {
    // `send` of the client is the one function that stands there in another way.
    const contract = read(CONTRACT, 'deps', name).replace('  send: async func(request', '  send: func(request');
    assert.equal(read(SDK, 'wit/deps', name), contract, `copy wit/deps/${name} to guest-sdk/javascript/wit/deps`);
  }
});

test('the package that goes to npm can be installed, tested with, and makes components', () => {
  const [{ filename, files }] = JSON.parse(run(SDK, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', base));
  const names = files.map(({ path }) => path);
  for (const name of ['package.json', 'README.md', 'src/index.js', 'types/index.d.ts', 'wit/worlds.wit', 'bin/componentize.mjs']) {
    assert.ok(names.includes(name), name);
  }
  assert.deepEqual(names.filter(name => /test|node_modules/.test(name) && !/^(src|types)\/testing/.test(name)), []);
  writeFileSync(join(base, 'package.json'), '{"private":true,"type":"module"}');
  run(base, 'npm', 'install', '--offline', '--no-audit', '--no-fund', join(base, filename));
  writeFileSync(join(base, 'role.js'), readFileSync(firstRole()));
  writeFileSync(join(base, 'role.test.js'), firstTest());
  run(base, process.execPath, '--test');
  const help = run(base, join(base, 'node_modules/.bin/wasm-roles-componentize'), '--help');
  assert.match(help, /Makes a WebAssembly component/);
  if (spawnSync('componentize-qjs', ['--help']).error !== undefined) {
    console.log('componentize-qjs is not on PATH: no component is made of the installed package');
    return;
  }
  run(base, join(base, 'node_modules/.bin/wasm-roles-componentize'), '--role', base, '--output', join(base, 'role.wasm'));
  assert.deepEqual([...readFileSync(join(base, 'role.wasm')).subarray(0, 4)], [0x00, 0x61, 0x73, 0x6d]);
  assert.ok(existsSync(join(base, 'role.wasm')));
});

// The first role of the README, and its test: they are what people copy.
const blocks = () => [...readFileSync(join(SDK, 'README.md'), 'utf8').matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code);

function firstRole() {
  const path = join(base, 'first.mjs');
  writeFileSync(path, blocks()[0]);
  return path;
}

const firstTest = () => blocks()[1];
