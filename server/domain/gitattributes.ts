import { compileGlob } from './glob.ts';

/** Answers whether a path is kept by git-lfs, by the rules of one root `.gitattributes`. */
export interface LfsRules {
  isLfs(path: string): boolean;
}

/** What a line says about one attribute: a value, set, unset, or unspecified again. */
interface Assignment {
  readonly name: string;
  readonly value: string | boolean | undefined;
}

interface Rule {
  readonly matches: (path: string) => boolean;
  readonly assignments: readonly Assignment[];
}

interface Line {
  readonly pattern: string;
  readonly assignments: readonly Assignment[];
}

const FILTER = 'filter';
const MACRO = '[attr]';
/** git reads no longer lines. */
const MAX_LINE_BYTES = 2047;

/**
 * Read what a root `.gitattributes` says about the `filter` attribute (gitattributes(5)): the last matching line wins,
 * and of a line its last word. A macro, `[attr]name ...`, stands for the words behind it.
 */
export function parseLfsRules(text: string): LfsRules {
  const lines = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((line) => parseLine(line) ?? []);
  const macros = new Map(
    lines.filter(isMacro).map((line) => [line.pattern.slice(MACRO.length), line.assignments.toReversed()]),
  );
  const isWanted = ({ name }: Assignment): boolean => name === FILTER || macros.has(name);
  const rules = lines.flatMap((line): Rule[] => {
    const assignments = line.assignments.filter(isWanted).toReversed();
    // Negative patterns are forbidden, and a pattern for folders says nothing about files.
    const isUseless = isMacro(line) || line.pattern.startsWith('!') || line.pattern.endsWith('/');
    return isUseless || assignments.length === 0
      ? []
      : [{ matches: patternMatcher(line.pattern), assignments }];
  });
  rules.reverse();

  /** The first that is said counts, since everything is asked from the end. */
  function note(assignments: readonly Assignment[], known: Map<string, Assignment['value']>): void {
    for (const { name, value } of assignments) {
      if (known.has(name)) continue;
      known.set(name, value);
      if (value === true) note(macros.get(name) ?? [], known);
    }
  }

  return {
    isLfs(path) {
      const known = new Map<string, Assignment['value']>();
      for (const rule of rules) {
        if (!rule.matches(path)) continue;
        note(rule.assignments, known);
        if (known.has(FILTER)) break;
      }
      return known.get(FILTER) === 'lfs';
    },
  };
}

const isMacro = ({ pattern }: Line): boolean => pattern.length > MACRO.length && pattern.startsWith(MACRO);

function parseLine(raw: string): Line | undefined {
  if (Buffer.byteLength(raw) > MAX_LINE_BYTES) return undefined;
  const line = raw.replace(/^[ \t\r]+/, '');
  if (line === '' || line.startsWith('#')) return undefined;
  const { pattern, rest } = splitPattern(line);
  const assignments = rest
    .split(/[ \t\r]+/)
    .filter((word) => word !== '')
    .map(parseAssignment);
  // One bad word spoils its line.
  if (assignments.some(({ name }) => !/^[A-Za-z0-9_.][-A-Za-z0-9_.]*$/.test(name))) return undefined;
  return { pattern, assignments };
}

function parseAssignment(word: string): Assignment {
  if (word.startsWith('-')) return { name: word.slice(1), value: false };
  if (word.startsWith('!')) return { name: word.slice(1), value: undefined };
  const equals = word.indexOf('=');
  return equals < 0
    ? { name: word, value: true }
    : { name: word.slice(0, equals), value: word.slice(equals + 1) };
}

const QUOTED = /^"((?:[^"\\]|\\(?:[abfnrtv"\\]|[0-3][0-7]{2}))*)"(.*)$/s;

function splitPattern(line: string): { readonly pattern: string; readonly rest: string } {
  const [, quoted, behind = ''] = QUOTED.exec(line) ?? [];
  if (quoted !== undefined) return { pattern: unquote(quoted), rest: behind };
  const blank = line.search(/[ \t\r]/);
  return blank < 0
    ? { pattern: line, rest: '' }
    : { pattern: line.slice(0, blank), rest: line.slice(blank + 1) };
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** C-style quoting as git writes it; octal escapes are bytes of UTF-8. */
function unquote(text: string): string {
  const bytes: Buffer[] = [];
  for (const match of text.matchAll(/\\([0-7]{3}|.)|[^\\]+/gs)) {
    const escape = match[1];
    if (escape === undefined) bytes.push(Buffer.from(match[0]));
    else if (escape.length === 3) bytes.push(Buffer.from([Number.parseInt(escape, 8)]));
    else bytes.push(Buffer.from(ESCAPES[escape] ?? escape));
  }
  return Buffer.concat(bytes).toString('utf8');
}

function patternMatcher(pattern: string): (path: string) => boolean {
  const matches = compileGlob(pattern.startsWith('/') ? pattern.slice(1) : pattern);
  if (pattern.includes('/')) return matches;
  return (path) => matches(path.slice(path.lastIndexOf('/') + 1));
}

/** A line that keeps exactly this path in git-lfs, as the large hub appends it for files no pattern covers. */
export function lfsRuleFor(path: string): string {
  const escaped = path.replace(/[*?[\]\\]/g, (character) => `\\${character}`);
  // At the beginning of a line `!` and `#` have a meaning, quoted or not.
  const anchored = /^[^!#].*\//.test(escaped) ? escaped : `/${escaped}`;
  const needsQuotes = /[\s"]/.test(anchored);
  const pattern = needsQuotes ? `"${anchored.replace(/["\\]/g, (character) => `\\${character}`)}"` : anchored;
  return `${pattern} filter=lfs diff=lfs merge=lfs -text\n`;
}

const COMMON_PATTERNS =
  `*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack
  *.npy *.npz *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar
  *.tflite *.tgz *.wasm *.xz *.zip *.zst *tfevents*`.split(/\s+/);

const DATASET_PATTERNS =
  `*.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg
  *.jpeg *.webp *.mp4 *.webm`.split(/\s+/);

/** The `.gitattributes` of a new repository (contract 3.2). */
export function defaultGitattributes(kind: 'model' | 'dataset' | 'space' | 'kernel'): string {
  const patterns = kind === 'dataset' ? [...COMMON_PATTERNS, ...DATASET_PATTERNS] : COMMON_PATTERNS;
  return patterns.map((pattern) => `${pattern} filter=lfs diff=lfs merge=lfs -text\n`).join('');
}
