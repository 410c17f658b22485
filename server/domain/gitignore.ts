import { compileGlob } from './glob.ts';

/** Answers whether `.gitignore` text leaves a path out (gitignore(5)): the last match wins, `!` takes back. */
export function parseIgnoreRules(text: string): (path: string) => boolean {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  const rules = lines.flatMap((line) => parseRule(line.replace(/\r$/, '')) ?? []);
  rules.reverse();
  const decide = (path: string, isFolder: boolean): boolean =>
    rules.find((rule) => (isFolder || !rule.foldersOnly) && rule.matches(path))?.ignores ?? false;
  return (path) => {
    // A file below an ignored folder cannot be taken back, so folders are asked from the top down.
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      if (decide(path.slice(0, slash), true)) return true;
    }
    return decide(path, false);
  };
}

interface Rule {
  readonly matches: (path: string) => boolean;
  readonly foldersOnly: boolean;
  readonly ignores: boolean;
}

const MAX_LINE = 2048;

/** Spaces at the end do not count, unless a backslash quotes the first of them. */
function trimSpaces(line: string): string {
  let end = 0;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === ' ') continue;
    if (line[at] === '\\') at++;
    end = at + 1;
  }
  return line.slice(0, end);
}

function parseRule(raw: string): Rule | undefined {
  const line = trimSpaces(raw);
  if (line === '' || line.startsWith('#') || line.length > MAX_LINE) return undefined;
  const ignores = !line.startsWith('!');
  const body = ignores ? line : line.slice(1);
  const foldersOnly = body.endsWith('/');
  const pattern = foldersOnly ? body.slice(0, -1) : body;
  if (pattern === '') return undefined;
  const matches = compileGlob(pattern.startsWith('/') ? pattern.slice(1) : pattern);
  const isAnchored = pattern.includes('/');
  return {
    matches: (path) => matches(isAnchored ? path : path.slice(path.lastIndexOf('/') + 1)),
    foldersOnly,
    ignores,
  };
}
