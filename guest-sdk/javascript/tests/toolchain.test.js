// The command that makes a component, as far as it goes without componentize-qjs: a stand-in notes what it was asked.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const COMMAND = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin/componentize.mjs');
const base = mkdtempSync(join(tmpdir(), 'toolchain-'));
const role = join(base, 'roles/Shop');
const tool = join(base, 'tool');
const words = join(base, 'words');
const fixture = join(base, 'fixture');
const seen = join(base, 'seen');
const output = join(base, 'out/Shop.wasm');

const PREAMBLE = '\0asm\x0d\0\x01\0';
const section = (id, content) => Buffer.concat([Buffer.from([id, content.length]), Buffer.from(content, 'latin1')]);
const component = (...sections) => Buffer.concat([Buffer.from(PREAMBLE, 'latin1'), ...sections]);
// The part of a type section that says what `send` is, with this kind of function.
const send = kind => `\x01i\x03\x01j\x01\x07\x01\x05\x01${kind}\x01\x07request\x06\x00\x08\x04\x00\x04send\x01\x09`;

after(() => rmSync(base, { recursive: true }));

beforeEach(() => {
  rmSync(join(base, 'roles'), { recursive: true, force: true });
  rmSync(join(base, 'out'), { recursive: true, force: true });
  // The output is its last word, and the folder with the parts the one before `--output`.
  const script = `for word; do root=$before; before=$middle; middle=$last; last=$word; done
printf "%s\\n" "$@" >"${words}"
cp -r "$before" "${seen}"
cp "${fixture}" "$last"`;
  rmSync(seen, { recursive: true, force: true });
  writeFileSync(tool, `#!/bin/sh\n${script}\n`);
  writeFileSync(fixture, component(section(7, send('@'))));
  chmodSync(tool, 0o755);
});

function files(contents) {
  for (const [name, text] of Object.entries(contents)) {
    const path = join(role, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const MODULE = '{"type":"module"}';
const run = (...given) => spawnSync(process.execPath, [COMMAND, ...given], { encoding: 'utf8' });
const componentize = (...more) => run('--role', role, '--output', output, '--componentize-qjs', tool, ...more);

test('a role with a handler is of the world of web roles, another one is not', () => {
  files({ 'package.json': MODULE, 'role.js': 'export function handle() {}' });
  assert.equal(componentize().stderr, '');
  assert.match(readFileSync(words, 'utf8'), /--world\nweb-role\n/);
  files({ 'package.json': '{"type":"module","main":"./src/worker.js"}', 'src/worker.js': 'export function run() {}' });
  assert.equal(componentize().status, 0);
  assert.match(readFileSync(words, 'utf8'), /--world\nworker-role\n/);
});

test('the parts are the role, the SDK, and what the role depends on, each once', () => {
  const package_ = (name, dependencies = {}) => JSON.stringify({ name, type: 'module', dependencies });
  files({
    'package.json': package_('shop', { '@wasm-roles/sdk': '*', one: '1', two: '1' }),
    'role.js': "import './node_modules/one/index.js';\nexport function run() {}",
    'role.test.js': '',
    '.env': 'secret',
    'node_modules/one/package.json': package_('one', { shared: '1' }),
    'node_modules/one/index.js': "export default 'one';",
    'node_modules/shared/package.json': package_('shared'),
    'node_modules/two/package.json': package_('two', { shared: '2', one: '1' }),
    'node_modules/two/node_modules/shared/package.json': package_('shared of two'),
    'node_modules/unused/package.json': package_('unused'),
  });
  assert.equal(componentize().stderr, '');
  const parts = name => existsSync(join(seen, name));
  const read = name => JSON.parse(readFileSync(join(seen, name, 'package.json'), 'utf8')).name;
  assert.ok(parts('Shop/role.js') && parts('entry.js') && parts('node_modules/@wasm-roles/sdk/src/index.js'));
  assert.ok(!parts('Shop/node_modules') && !parts('Shop/.env') && !parts('node_modules/unused'));
  assert.equal(read('node_modules/shared'), 'shared');
  assert.equal(read('node_modules/two/node_modules/shared'), 'shared of two');
  assert.ok(!parts('node_modules/two/node_modules/one'));
  assert.equal(existsSync(readFileSync(words, 'utf8').split('\n').at(-4)), false, 'the parts are gone');
  assert.match(readFileSync(join(seen, 'entry.js'), 'utf8'), /from "\.\/Shop\/role\.js"/);
});

const MISTAKES = {
  'no package.json': [{ 'role.js': '' }, /package\.json cannot be read \(ENOENT\); the folder of a role has a package\.json/],
  'a package.json that is no JSON': [{ 'package.json': '{' }, /package\.json is no JSON/],
  'no module': [{ 'package.json': '{}' }, /role\.js cannot be loaded:\n[^]*Cannot find module/],
  'a module with a mistake': [{ 'package.json': MODULE, 'role.js': 'export function run() {\n  let 1x;\n}' }, /role\.js:2\n.*let 1x;[^]*SyntaxError/],
  'a question at the top level': [
    { 'package.json': MODULE, 'role.js': "import { environment } from '@wasm-roles/sdk';\nexport const run = environment.setting('x');" },
    /at the top level of a role's module nothing can be asked, do it in onStart/,
  ],
  'nothing that is called': [{ 'package.json': MODULE, 'role.js': 'export const x = 1;' }, /role\.js exports nothing that the fabric calls: onStart, run,/],
  'a name that is written otherwise': [{ 'package.json': MODULE, 'role.js': 'export function on_start() {}' }, /exports `on_start`; the fabric calls `onStart`/],
  'no function': [{ 'package.json': MODULE, 'role.js': 'export const run = 1;' }, /exports `run` as number; it has to be a function/],
  'a package that is not installed': [
    { 'package.json': '{"type":"module","dependencies":{"absent":"1"}}', 'role.js': 'export function run() {}' },
    /the package absent is not installed for .*Shop: run `npm install` there/,
  ],
};

for (const [what, [contents, message]] of Object.entries(MISTAKES)) {
  test(`${what} is said, and nothing is made`, () => {
    mkdirSync(role, { recursive: true });
    files(contents);
    const { status, stderr } = componentize();
    assert.match(stderr, message);
    assert.equal(status, 1);
    assert.equal(existsSync(output), false);
  });
}

test('interfaces of WIT that a role imports itself do not hinder it', () => {
  files({ 'package.json': MODULE, 'role.js': "import clock from 'wasi:clocks/monotonic-clock@0.3.0';\nexport const run = () => clock.now();" });
  assert.equal(componentize().status, 0);
});

test('the client of the host is imported as the asynchronous function that it is, wherever its type stands', () => {
  files({ 'package.json': MODULE, 'role.js': 'export function run() {}' });
  const data = section(0, send('@'));
  const made = kind => component(section(7, send(kind)), data, section(4, component(section(7, send(kind)), section(1, 'core'))));
  writeFileSync(fixture, made('@'));
  assert.equal(componentize().stderr, '');
  assert.deepEqual(readFileSync(output), made('C'));
});

test('a component that imports no client is not one that this SDK makes', () => {
  files({ 'package.json': MODULE, 'role.js': 'export function run() {}' });
  for (const bytes of [component(section(7, 'nothing')), component(section(7, send('C'))), Buffer.from('nonsense'), component(Buffer.from([7, 0xff]))]) {
    writeFileSync(fixture, bytes);
    const { status, stderr } = componentize();
    assert.match(stderr, /^(the component that componentize-qjs has made does not import|componentize-qjs has made something that is no component)/);
    assert.equal(status, 1);
    assert.equal(existsSync(output), false);
  }
});

test('a tool that fails is quoted, one that is missing is told how to get', () => {
  files({ 'package.json': MODULE, 'role.js': 'export function run() {}' });
  writeFileSync(tool, '#!/bin/sh\necho out of luck >&2\nexit 3\n');
  assert.match(componentize().stderr, /componentize-qjs has failed \(exit code 3\):\nout of luck/);
  rmSync(tool);
  const { status, stderr } = componentize();
  assert.match(stderr, /tool is not there; get it with `npm install --save-dev componentize-qjs@0\.4\.5`/);
  assert.equal(status, 1);
});

test('a command line that is wrong shows how it goes', () => {
  for (const given of [[], ['--role', role], ['--what']]) {
    const { status, stderr } = run(...given);
    assert.equal(status, 1);
    assert.match(stderr, /wasm-roles-componentize --role <folder>/);
  }
  assert.match(run('--help').stdout, /Makes a WebAssembly component/);
});
