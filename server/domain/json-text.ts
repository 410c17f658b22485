import { HubError } from './errors.ts';

const MAX_DEPTH = 64;

/**
 * Parse JSON text from outside. Stricter than `JSON.parse`: no two members of one name in an object (readers
 * would disagree on which counts), no deeper nesting than 64, no member named `__proto__`. Throws InvalidBody.
 */
export function parseJson(text: string): unknown {
  checkStructure(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HubError('InvalidBody', 'The body is not valid JSON.', { cause: error });
  }
}

/** Walks the text once; strings are skipped by searching for their closing quote, so long ones cost little. */
function checkStructure(text: string): void {
  const members: (Set<string> | undefined)[] = [];
  let expectsName = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = endOfString(text, at);
        const open = members.at(-1);
        if (expectsName && open) {
          noteName(open, text.slice(at + 1, end));
          expectsName = false;
        }
        at = end;
        break;
      }
      case 0x7b:
      case 0x5b: {
        if (members.length === MAX_DEPTH) throw new HubError('InvalidBody', 'The JSON is nested too deep.');
        const isObject = text.charCodeAt(at) === 0x7b;
        members.push(isObject ? new Set() : undefined);
        expectsName = isObject;
        break;
      }
      case 0x7d:
      case 0x5d:
        members.pop();
        expectsName = false;
        break;
      case 0x2c:
        expectsName = members.at(-1) !== undefined;
        break;
    }
  }
}

function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  throw new HubError('InvalidBody', 'The body is not valid JSON.');
}

function noteName(open: Set<string>, raw: string): void {
  const name = raw.includes('\\') ? unescapeName(raw) : raw;
  if (open.has(name)) throw new HubError('InvalidBody', 'The JSON has two members of the same name.');
  if (name === '__proto__') throw new HubError('InvalidBody', 'The JSON has a member that is not allowed.');
  open.add(name);
}

function unescapeName(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch (error) {
    throw new HubError('InvalidBody', 'The body is not valid JSON.', { cause: error });
  }
}
