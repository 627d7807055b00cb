/** Files: the local storage of the instance, its `/tmp`, and the folder of its role (read-only). */

/** All bytes of a file. */
export function read(path: string): Promise<Uint8Array>;
/** All of a file that holds UTF-8. */
export function readText(path: string): Promise<string>;
/** Makes a file; one that is there is replaced. */
export function write(path: string, data: string | Uint8Array): Promise<void>;
/** Adds to the end of a file; it is made if it is not there. */
export function append(path: string, data: string | Uint8Array): Promise<void>;
/** Whether there is a file or folder. */
export function exists(path: string): Promise<boolean>;
/** The names in a folder, sorted. */
export function list(path: string): Promise<string[]>;
/** Makes a folder, and those above it; one that is there is left as it is. */
export function makeFolder(path: string): Promise<void>;
/** Gives a file or folder another name, and replaces a file that has it. */
export function rename(from: string, to: string): Promise<void>;
/** Removes a file, or an empty folder. */
export function remove(path: string): Promise<void>;

/** Something that did not work with a file. */
export class FileError extends Error {
  private constructor();
  /** For programs: `no-entry`, `exist`, `quota`, `read-only`, … */
  readonly code: string;
}
