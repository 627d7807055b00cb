// Files: the local storage of the instance, its `/tmp`, and the folder of its role (read-only).

import * as system from '#files';
import { decode, toBytes } from './text.js';

export { FileError } from './file-error.js';

/** All bytes of a file. */
export const read = path => system.read(path);

/** All of a file that holds UTF-8. */
export const readText = async path => decode(await system.read(path));

/** Makes a file of a text or bytes; one that is there is replaced. */
export const write = (path, data) => system.write(path, toBytes(data));

/** Adds a text or bytes to the end of a file; it is made if it is not there. */
export const append = (path, data) => system.append(path, toBytes(data));

/** Whether there is a file or folder. */
export const exists = path => system.exists(path);

/** The names in a folder, sorted. */
export const list = async path => (await system.list(path)).sort();

/** Makes a folder, and those above it; one that is there is left as it is. */
export const makeFolder = path => system.makeFolder(path);

/** Gives a file or folder another name, and replaces a file that has it. */
export const rename = (from, to) => system.rename(from, to);

/** Removes a file, or an empty folder. */
export const remove = path => system.remove(path);
