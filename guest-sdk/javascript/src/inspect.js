// How `console.log` shows what is no text.

const DEPTH = 4;
const WIDTH = 100;

/** One value as a line for people. */
export function shown(value, depth = DEPTH, above = []) {
  switch (typeof value) {
    case 'string':
      return above.length === 0 ? value : JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return `[function ${value.name || 'without a name'}]`;
    case 'symbol':
      return value.toString();
    case 'object':
      return value === null ? 'null' : shownObject(value, depth, above);
    default:
      return String(value);
  }
}

function shownObject(value, depth, above) {
  if (value instanceof Error) return described(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (above.includes(value)) return '[circular]';
  const name = value.constructor?.name ?? '';
  if (depth === 0) return `[${name || 'object'}]`;
  const inner = part => shown(part, depth - 1, [...above, value]);
  if (Array.isArray(value)) return `[${list(value, inner)}]`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return `${name}(${value.length}) [${list(value, inner)}]`;
  if (value instanceof Set) return `Set(${value.size}) {${list(value, inner)}}`;
  if (value instanceof Map) return `Map(${value.size}) {${list(value, ([key, item]) => `${inner(key)} => ${inner(item)}`)}}`;
  const fields = list(Object.entries(value), ([key, item]) => `${key}: ${inner(item)}`);
  return `${name === 'Object' || name === '' ? '' : `${name} `}{${fields === '' ? '' : ` ${fields} `}}`;
}

function list(items, show) {
  const parts = [];
  for (const item of items) {
    if (parts.length === WIDTH) {
      parts.push('…');
      break;
    }
    parts.push(show(item));
  }
  return parts.join(', ');
}

/** An error with its causes and where it was thrown. */
export function described(error) {
  if (!(error instanceof Error)) return shown(error);
  const place = error.stack ? `\n${error.stack.trimEnd()}` : '';
  const cause = error.cause === undefined ? '' : `\ncaused by ${described(error.cause)}`;
  return `${error.name}: ${error.message}${place}${cause}`;
}

/** An error and its causes in one line, the way it is shown as the reason of a recycle. */
export function reason(error) {
  if (!(error instanceof Error)) return shown(error);
  const text = error.message || error.name;
  return error.cause === undefined ? text : `${text}: ${reason(error.cause)}`;
}

/** The arguments of `console.log` as one line. */
export function line(values) {
  return `${values.map(value => shown(value)).join(' ')}\n`;
}
