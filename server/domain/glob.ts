/** One byte of a name: its code, any byte, a table of those that fit, or a run of any length. */
type Token = number | Uint8Array | 'any' | 'run';

type Part = 'any-folders' | ((name: string) => boolean);

const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/**
 * Compile a git wildmatch pattern (gitignore(5), gitattributes(5), git's wildmatch.c with WM_PATHNAME) into a
 * predicate over a whole path: `*` and `?` stop at slashes, a whole part `**` crosses them, `[...]` is a class, a
 * backslash quotes. Like git it compares bytes of UTF-8, so `?` is one byte. Patterns come from repositories: matching
 * never takes longer than pattern length times path length.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const texts = splitPattern(toByteText(pattern));
  const parts = texts?.map((tokens): Part => (isAnyFolders(tokens) ? 'any-folders' : nameMatcher(tokens)));
  // What git cannot read, such as a class without an end, matches nothing.
  if (!parts) return () => false;
  if (parts.at(-1) === 'any-folders') parts.push(() => true);
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'function') {
    return (path) => !path.includes('/') && only(toByteText(path));
  }
  return (path) => matchParts(parts, toByteText(path).split('/'));
}

/** Text whose characters are the bytes of another text in UTF-8. */
const toByteText = (text: string): string =>
  /[^\x20-\x7e]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;

const isAnyFolders = (tokens: readonly Token[]): boolean =>
  tokens.length > 1 && tokens.every((token) => token === 'run');

function matchParts(parts: readonly Part[], names: readonly string[]): boolean {
  return matchRuns(
    { length: parts.length, isRun: (at) => parts[at] === 'any-folders' },
    names.length,
    (at, item) => {
      const part = parts[at];
      return typeof part === 'function' && part(names[item] ?? '');
    },
  );
}

/** The two forms that nearly every line has are told apart, since each is asked about every file of an upload. */
function nameMatcher(tokens: readonly Token[]): (name: string) => boolean {
  const [first, ...rest] = tokens;
  const isSuffix = first === 'run';
  const literal = isSuffix ? rest : tokens;
  if (literal.every((token) => typeof token === 'number')) {
    const text = String.fromCharCode(...literal);
    return isSuffix ? (name) => name.endsWith(text) : (name) => name === text;
  }
  const pattern = { length: tokens.length, isRun: (at: number) => tokens[at] === 'run' };
  return (name) => matchRuns(pattern, name.length, (at, item) => fits(tokens[at], name.charCodeAt(item)));
}

function fits(token: Token | undefined, byte: number): boolean {
  if (typeof token === 'number') return token === byte;
  return token === 'any' || (typeof token === 'object' && token[byte] === 1);
}

/** Match items against a pattern with wildcards for runs of items; on failure only the last wildcard grows. */
function matchRuns(
  pattern: { readonly length: number; readonly isRun: (at: number) => boolean },
  itemCount: number,
  accepts: (at: number, item: number) => boolean,
): boolean {
  let at = 0;
  let run: { readonly next: number; start: number } | undefined;
  for (let item = 0; item < itemCount;) {
    if (at < pattern.length && pattern.isRun(at)) {
      run = { next: at + 1, start: item };
      at++;
    } else if (at < pattern.length && accepts(at, item)) {
      at++;
      item++;
    } else if (run) {
      run.start++;
      item = run.start;
      at = run.next;
    } else {
      return false;
    }
  }
  while (at < pattern.length && pattern.isRun(at)) at++;
  return at === pattern.length;
}

/** Tokens of each part between slashes; undefined for a pattern that matches nothing. */
function splitPattern(text: string): Token[][] | undefined {
  const parts: Token[][] = [[]];
  for (let at = 0; at < text.length; at++) {
    const part = parts.at(-1);
    switch (text[at]) {
      case '/':
        parts.push([]);
        break;
      case '*':
        part?.push('run');
        break;
      case '?':
        part?.push('any');
        break;
      case '[': {
        const found = readClass(text, at);
        if (!found) return undefined;
        part?.push(found.accepted);
        at = found.end;
        break;
      }
      case '\\':
        at++;
        if (at === text.length) return undefined;
        if (text.charCodeAt(at) === SLASH) parts.push([]);
        else part?.push(text.charCodeAt(at));
        break;
      default:
        part?.push(text.charCodeAt(at));
    }
  }
  return parts;
}

const NAMED_CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // eslint-disable-next-line no-control-regex -- control characters are exactly what this is about
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[\x21-\x7e]/,
  lower: /[a-z]/,
  print: /[\x20-\x7e]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** Read the class that begins at `start`, by the letter of wildmatch.c; undefined when it has no end. */
function readClass(
  text: string,
  start: number,
): { readonly accepted: Uint8Array; readonly end: number } | undefined {
  const accepted = new Uint8Array(256);
  let at = start + 1;
  const isNegated = text[at] === '!' || text[at] === '^';
  if (isNegated) at++;
  let previous = 0;
  for (let isFirst = true; isFirst || text[at] !== ']'; isFirst = false, at++) {
    let code = text.charCodeAt(at);
    const named = /^\[:([^\]]*):\]/.exec(text.slice(at, at + 16))?.[1];
    if (Number.isNaN(code)) return undefined;
    if (code === BACKSLASH) {
      code = text.charCodeAt(++at);
      if (Number.isNaN(code)) return undefined;
      accepted[code] = 1;
      previous = code;
    } else if (text[at] === '-' && previous > 0 && at + 1 < text.length && text[at + 1] !== ']') {
      at++;
      if (text.charCodeAt(at) === BACKSLASH) at++;
      const last = text.charCodeAt(at);
      if (Number.isNaN(last)) return undefined;
      for (let byte = previous; byte <= last; byte++) accepted[byte] = 1;
      previous = 0;
    } else if (named !== undefined) {
      const members = Object.hasOwn(NAMED_CLASSES, named) ? NAMED_CLASSES[named] : undefined;
      if (!members) return undefined;
      for (let byte = 0; byte < 128; byte++) if (members.test(String.fromCharCode(byte))) accepted[byte] = 1;
      at += `[:${named}:`.length;
      previous = 0;
    } else {
      accepted[code] = 1;
      previous = code;
    }
  }
  if (isNegated) for (let byte = 0; byte < 256; byte++) accepted[byte] = accepted[byte] === 1 ? 0 : 1;
  return { accepted, end: at };
}
