// The command `wasm-roles-componentize`.

import { parseArgs } from 'node:util';
import { componentize } from './componentize.mjs';
import { Mistake } from './mistake.mjs';

const USAGE = `Makes a WebAssembly component of the folder of a role.

wasm-roles-componentize --role <folder> --output <file> [--componentize-qjs <program>] [--work <folder>]

  --role <folder>               where the package.json of the role lies; \`main\` in it names its module (default: role.js)
  --output <file>               the component
  --componentize-qjs <program>  default: the one that npm has installed for the role, else the one on PATH
  --work <folder>               where a temporary folder for the parts is made (default: where the system has them)
`;

const TEXT = { type: 'string' };
const OPTIONS = { role: TEXT, output: TEXT, work: TEXT, 'componentize-qjs': TEXT, help: { type: 'boolean', short: 'h' } };

/** Runs it; the result is the exit code. */
export async function main(words) {
  try {
    const options = parsed(words);
    if (options.help) process.stdout.write(USAGE);
    else await componentize({ ...options, tool: options['componentize-qjs'] });
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Mistake ? error.message.trimEnd() : error.stack}\n`);
    return 1;
  }
}

function parsed(words) {
  let values;
  try {
    ({ values } = parseArgs({ args: words, options: OPTIONS }));
  } catch (error) {
    throw new Mistake(`${error.message}\n\n${USAGE}`);
  }
  if (!values.help && (values.role === undefined || values.output === undefined)) {
    throw new Mistake(`--role and --output are missing\n\n${USAGE}`);
  }
  return values;
}
