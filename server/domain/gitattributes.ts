import { compileGlob } from './glob.ts';

interface Rule {
  readonly matches: (path: string) => boolean;
  /** `true`: filter=lfs; `false`: the filter attribute is unset or something else. */
  readonly isLfs: boolean;
}

/** Answers whether a path is kept by git-lfs, by the rules of one root `.gitattributes`. */
export interface LfsRules {
  isLfs(path: string): boolean;
}

const MAX_LINE = 2048;

/** Read the `filter` attribute of a root `.gitattributes` (gitattributes(5)): the last matching line wins. */
export function parseLfsRules(text: string): LfsRules {
  const rules = text.split('\n').flatMap((line) => parseRule(line.trim()) ?? []);
  rules.reverse();
  return { isLfs: (path) => rules.find((rule) => rule.matches(path))?.isLfs ?? false };
}

function parseRule(line: string): Rule | undefined {
  if (line === '' || line.startsWith('#') || line.length > MAX_LINE) return undefined;
  const { pattern, rest } = splitPattern(line);
  // Negative patterns are forbidden in gitattributes, and macro definitions do not name paths.
  if (pattern.startsWith('!') || pattern.startsWith('[attr]') || pattern.endsWith('/')) return undefined;
  const filter = rest.split(/\s+/).findLast((word) => /^[-!]?filter(=|$)/.test(word));
  if (filter === undefined) return undefined;
  return { matches: patternMatcher(pattern), isLfs: filter === 'filter=lfs' };
}

function splitPattern(line: string): { pattern: string; rest: string } {
  const quoted = /^"((?:[^"\\]|\\.)*)"\s*(.*)$/.exec(line);
  if (quoted) return { pattern: unquote(quoted[1] ?? ''), rest: quoted[2] ?? '' };
  const space = line.search(/\s/);
  return space < 0
    ? { pattern: line, rest: '' }
    : { pattern: line.slice(0, space), rest: line.slice(space + 1) };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };

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
  const isAnchored = pattern.includes('/');
  const matches = compileGlob(pattern.startsWith('/') ? pattern.slice(1) : pattern);
  if (isAnchored) return (path) => matches(path);
  return (path) => matches(path.slice(path.lastIndexOf('/') + 1));
}

/** A line that keeps exactly this path in git-lfs, as the large hub appends it for files no pattern covers. */
export function lfsRuleFor(path: string): string {
  const escaped = path.replace(/[*?[\]\\]/g, (character) => `\\${character}`);
  const anchored = escaped.includes('/') ? escaped : `/${escaped}`;
  const needsQuotes = /[\s"#!]/.test(anchored) || anchored.startsWith('[attr]');
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
