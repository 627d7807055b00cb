// The files of the developer's machine, with the errors that an instance would see.

import * as fs from 'node:fs/promises';
import { FileError } from '../file-error.js';
import { current } from './double.js';

const CODES = {
  EACCES: 'access',
  EEXIST: 'exist',
  EISDIR: 'is-directory',
  EDQUOT: 'quota',
  ENOENT: 'no-entry',
  ENOSPC: 'insufficient-space',
  ENOTDIR: 'not-directory',
  ENOTEMPTY: 'not-empty',
  EPERM: 'not-permitted',
};

export const read = path => during(`read ${path}`, async () => new Uint8Array(await fs.readFile(path)));
export const write = (path, bytes) => during(`write ${path}`, () => fs.writeFile(path, bytes));
export const append = (path, bytes) => during(`write ${path}`, () => fs.appendFile(path, bytes));
export const list = path => during(`list ${path}`, () => fs.readdir(path));
export const makeFolder = path => during(`make the folder ${path}`, async () => void (await fs.mkdir(path, { recursive: true })));
export const rename = (from, to) => during(`rename ${from} to ${to}`, () => fs.rename(from, to));

export const exists = path =>
  during(`look for ${path}`, () =>
    fs.stat(path).then(
      () => true,
      error => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    ),
  );

export const remove = path =>
  during(`remove ${path}`, async () => ((await fs.lstat(path)).isDirectory() ? fs.rmdir(path) : fs.unlink(path)));

async function during(what, work) {
  try {
    return await current(`files: ${what}`).time.during(work());
  } catch (error) {
    throw CODES[error.code] === undefined ? error : new FileError(what, CODES[error.code]);
  }
}
