import { HubError } from './errors.ts';

/** Larger files of these names are not read by git either. */
export const MAX_GIT_FILE_BYTES = 4 * 1024 * 1024;
/** git reads no longer lines (`ATTR_MAX_LINE_LENGTH`). */
const MAX_ATTRIBUTES_LINE_BYTES = 2048;

const invalid = (message: string): HubError => new HubError('InvalidContent', message);

/** Files that git itself reads and acts on. */
export type GitFileName = '.gitattributes' | '.gitmodules';

/** Code points that HFS+ ignores in names (git's own list, utf8.c). */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Short names that NTFS gives to these files: the first of a folder, and later ones with a hash (git, path.c). */
const SHORT_NAMES: readonly (readonly [RegExp, GitFileName])[] = [
  [/^gitmod~[1-4]$|^(?=.{8}$)g(?:i(?:7(?:e(?:ba?)?)?)?)?~[1-9][0-9]*$/, '.gitmodules'],
  [/^gitatt~[1-4]$|^(?=.{8}$)g(?:i(?:7(?:d(?:29?)?)?)?)?~[1-9][0-9]*$/, '.gitattributes'],
];

/** Which of these files a name means on some system: in other letters, with ignored characters, as a short name. */
export function gitFileNamed(name: string): GitFileName | undefined {
  const plain = name.replace(HFS_IGNORED, '').toLowerCase();
  if (plain === '.gitattributes' || plain === '.gitmodules') return plain;
  return SHORT_NAMES.find(([pattern]) => pattern.test(plain))?.[1];
}

/**
 * Hold the files that git itself reads to what its own check of pushed objects (`fsck`) takes, in any folder, so that
 * a clone of the repository neither fails nor runs anything. Throws InvalidContent.
 */
export function checkGitFile(path: string, content: Buffer): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name !== '.gitattributes' && name !== '.gitmodules') return;
  if (content.byteLength > MAX_GIT_FILE_BYTES)
    throw invalid(`A ${name} may have ${MAX_GIT_FILE_BYTES} bytes.`);
  if (name === '.gitattributes') checkAttributes(content);
  else checkModules(content.toString('utf8'));
}

function checkAttributes(content: Buffer): void {
  for (let start = 0; start < content.byteLength;) {
    const newline = content.indexOf(0x0a, start);
    const end = newline < 0 ? content.byteLength : newline;
    if (end - start >= MAX_ATTRIBUTES_LINE_BYTES) {
      throw invalid(`A line of .gitattributes may have ${MAX_ATTRIBUTES_LINE_BYTES - 1} bytes.`);
    }
    start = end + 1;
  }
}

function checkModules(text: string): void {
  for (const { section, subsection, key, value } of readGitConfig(text)) {
    if (section !== 'submodule' || subsection === undefined) continue;
    if (subsection === '' || subsection.split(/[/\\]/).includes('..')) {
      throw invalid('A submodule of .gitmodules has a name that leads out of its folder.');
    }
    if ((key === 'path' || key === 'url') && value.startsWith('-')) {
      throw invalid(`The ${key} of a submodule in .gitmodules must not start with "-".`);
    }
    if (key === 'url' && isUnsafeUrl(value)) {
      throw invalid('A URL of .gitmodules would run a program or read files of whoever clones it.');
    }
    if (key === 'update' && value.startsWith('!')) {
      throw invalid('An "update" of .gitmodules would run a program.');
    }
  }
}

/** Helpers by name (`ext::sh -c ...`), local files, and line ends that would end up in a credential helper's input. */
const isUnsafeUrl = (url: string): boolean =>
  /^[^/:]*::/.test(url) || /^(file|fd|ext):/i.test(url) || /[\r\n]|%0[ad]/i.test(url);

interface ConfigEntry {
  /** In small letters. */
  readonly section: string;
  /** As it is written in quotes; undefined where a section has none. */
  readonly subsection: string | undefined;
  /** In small letters. */
  readonly key: string;
  readonly value: string;
}

const SECTION = /^\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\\n]|\\.)*)")?\s*\]/;
const KEY = /^([A-Za-z][A-Za-z0-9-]*)[ \t]*/;

/** Read a file in the syntax of git-config(1). Throws InvalidContent for what git could not read. */
function* readGitConfig(text: string): Generator<ConfigEntry> {
  let rest = text.replace(/^\ufeff/, '');
  let section = '';
  let subsection: string | undefined;
  while ((rest = rest.replace(/^(?:\s+|[#;][^\n]*)+/, '')) !== '') {
    const [header, name = '', quoted] = SECTION.exec(rest) ?? [];
    if (header !== undefined) {
      // An old form has the name behind a dot: `[submodule.name]`.
      const dot = name.indexOf('.');
      section = (dot < 0 ? name : name.slice(0, dot)).toLowerCase();
      subsection = quoted?.replace(/\\(.)/g, '$1') ?? (dot < 0 ? undefined : name.slice(dot + 1));
      rest = rest.slice(header.length);
      // A name that no key follows counts too.
      yield { section, subsection, key: '', value: '' };
      continue;
    }
    const [given, key] = KEY.exec(rest) ?? [];
    if (given === undefined || key === undefined) throw invalid('The file .gitmodules is not valid.');
    rest = rest.slice(given.length);
    if (rest.startsWith('=')) {
      const { value, length } = readValue(rest.slice(1));
      yield { section, subsection, key: key.toLowerCase(), value };
      rest = rest.slice(1 + length);
    } else if (rest !== '' && !/^[\r\n#;]/.test(rest)) throw invalid('The file .gitmodules is not valid.');
    else yield { section, subsection, key: key.toLowerCase(), value: 'true' };
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  b: '\b',
  '"': '"',
  '\\': '\\',
  '\n': '',
};

/** A value up to the end of its line: quotes, escapes, notes behind it, and lines that are continued. */
function readValue(text: string): { readonly value: string; readonly length: number } {
  let value = '';
  /** Length of the value up to its last character that is not white space outside quotes. */
  let kept = 0;
  let isQuoted = false;
  let at = 0;
  for (; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === '\n') break;
    if (character === '\\') {
      const isLineEnd = text.startsWith('\r\n', at + 1);
      const escaped = ESCAPES[isLineEnd ? '\n' : (text[at + 1] ?? '')];
      if (escaped === undefined) throw invalid('The file .gitmodules is not valid.');
      at += isLineEnd ? 2 : 1;
      value += escaped;
      kept = value.length;
    } else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === '#' || character === ';')) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
      break;
    } else if (isQuoted || !/\s/.test(character)) {
      value += character;
      kept = value.length;
    } else if (value !== '') value += character;
  }
  if (isQuoted) throw invalid('The file .gitmodules is not valid.');
  return { value: value.slice(0, kept), length: at };
}
