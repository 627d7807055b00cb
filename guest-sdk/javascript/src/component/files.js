// Files of WASI 0.3.

import preopens from 'wasi:filesystem/preopens@0.3.0';
import { FileError } from '../file-error.js';
import { joined } from '../text.js';
import { code, detail } from './errors.js';
import { Incoming, Outgoing } from './streams.js';
import { FILE_BYTES } from './types.js';

const CHUNK = 64 * 1024;
const FOLLOW = { symlinkFollow: true };

let folders;

export function read(path) {
  return withFile(`read ${path}`, path, {}, { read: true }, async file => {
    const [stream, result] = file.readViaStream(0);
    const incoming = new Incoming(stream);
    const chunks = [];
    for (let bytes = await incoming.read(CHUNK); bytes.length > 0; bytes = await incoming.read(CHUNK)) chunks.push(bytes);
    incoming.close();
    await settled(result);
    return joined(chunks);
  });
}

export function write(path, bytes) {
  return withFile(`write ${path}`, path, { create: true, truncate: true }, { write: true }, file =>
    put(bytes, readable => file.writeViaStream(readable, 0)),
  );
}

export function append(path, bytes) {
  return withFile(`write ${path}`, path, { create: true }, { write: true }, file =>
    put(bytes, readable => file.appendViaStream(readable)),
  );
}

export async function exists(path) {
  try {
    const { folder, rest } = located(`look for ${path}`, path);
    await folder.statAt(FOLLOW, rest);
    return true;
  } catch (error) {
    if (code(error) === 'no-entry' || error.code === 'no-entry') return false;
    throw failure(`look for ${path}`, error);
  }
}

export function list(path) {
  return withFile(`list ${path}`, path, { directory: true }, { read: true }, async folder => {
    const [stream, result] = folder.readDirectory();
    const incoming = new Incoming(stream);
    const names = [];
    for (let some = await incoming.read(64); some.length > 0; some = await incoming.read(64)) {
      names.push(...some.map(({ name }) => name));
    }
    incoming.close();
    await settled(result);
    return names.filter(name => name !== '.' && name !== '..');
  });
}

export async function makeFolder(path) {
  const what = `make the folder ${path}`;
  const { folder, rest } = located(what, path);
  let made = '';
  for (const part of rest.split('/').filter(part => part !== '' && part !== '.')) {
    made = made === '' ? part : `${made}/${part}`;
    try {
      await folder.createDirectoryAt(made);
    } catch (error) {
      if (code(error) !== 'exist') throw failure(what, error);
    }
  }
}

export async function rename(from, to) {
  const what = `rename ${from} to ${to}`;
  try {
    const source = located(what, from);
    const target = located(what, to);
    await source.folder.renameAt(source.rest, target.folder, target.rest);
  } catch (error) {
    throw failure(what, error);
  }
}

export async function remove(path) {
  const what = `remove ${path}`;
  const { folder, rest } = located(what, path);
  try {
    await folder.unlinkFileAt(rest);
  } catch (error) {
    if (!['is-directory', 'not-permitted', 'access'].includes(code(error))) throw failure(what, error);
    try {
      await folder.removeDirectoryAt(rest);
    } catch (second) {
      throw failure(what, code(second) === 'not-directory' ? error : second);
    }
  }
}

async function withFile(what, path, open, flags, use) {
  const { folder, rest } = located(what, path);
  let file;
  try {
    file = await folder.openAt(FOLLOW, rest, open, flags);
    return await use(file);
  } catch (error) {
    throw failure(what, error);
  } finally {
    file?.[Symbol.dispose]();
  }
}

async function put(bytes, begin) {
  const { readable, writable } = wit.Stream(FILE_BYTES);
  const result = begin(readable);
  const outgoing = new Outgoing(writable);
  await outgoing.write(bytes);
  outgoing.close();
  await settled(result);
}

async function settled(future) {
  const result = await future.read();
  future.drop();
  if (result?.tag === 'err') throw result.val;
}

// The folder that was opened for the instance and holds this path, and the path below it.
function located(what, path) {
  folders ??= preopens
    .getDirectories()
    .map(([folder, name]) => ({ folder, name: name.replace(/\/+$/, '') }))
    .sort((a, b) => b.name.length - a.name.length);
  const below = name => path === name || path.startsWith(`${name}/`);
  const found = folders.find(({ name }) => (path.startsWith('/') ? below(name) : name === '.'));
  if (found === undefined) throw new FileError(what, 'no-entry', `the instance has ${folders.map(({ name }) => name).join(', ')}`);
  const rest = path.startsWith('/') ? path.slice(found.name.length + 1) : path;
  return { folder: found.folder, rest: rest === '' ? '.' : rest };
}

function failure(what, error) {
  return error instanceof FileError ? error : new FileError(what, code(error), detail(error));
}
