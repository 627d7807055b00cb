// What can go wrong with files.

const SENTENCES = {
  'insufficient-space': 'there is no room left',
  'no-entry': 'there is no such file or folder',
  'not-empty': 'the folder is not empty',
  'not-permitted': 'the instance may not do that',
  quota: 'the local storage is full: sizeInMB of the service definition is its size',
  'read-only': "the role's own folder cannot be changed; write to local storage",
  access: 'the instance may not do that',
  exist: 'there is something of this name already',
  'is-directory': 'it is a folder',
  'not-directory': 'it is no folder',
};

/** Something that did not work with a file. `code` is for programs, the message for people. */
export class FileError extends Error {
  constructor(what, code, detail) {
    const why = SENTENCES[code];
    super(`${what}: ${code}${why ? `, ${why}` : ''}${detail ? ` (${detail})` : ''}`);
    this.name = 'FileError';
    this.code = code;
  }
}
