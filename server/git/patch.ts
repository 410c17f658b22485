import { createDeflate } from 'node:zlib';
import { pipeline, Readable } from 'node:stream';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { FileChange } from './file-changes.ts';
import type { FoundEntry } from './tree-walk.ts';

/*
 * Patches as `git diff --binary --full-index` writes them and `git apply` takes them (git, Documentation/diff-format and
 * diff-generate-patch).
 */

const NO_OID = '0'.repeat(40);
const ESCAPES: Readonly<Record<number, string>> = {
  0x07: '\\a',
  0x08: '\\b',
  0x09: '\\t',
  0x0a: '\\n',
  0x0b: '\\v',
  0x0c: '\\f',
  0x0d: '\\r',
  0x22: '\\"',
  0x5c: '\\\\',
};

/** A path as git writes it: as it is, or in quotes where it has bytes that a reader could trip over. */
function quoted(path: string): string {
  let text = '';
  for (const byte of Buffer.from(path)) {
    const escape = ESCAPES[byte];
    if (escape !== undefined) text += escape;
    else if (byte < 0x20 || byte >= 0x7f) text += `\\${byte.toString(8).padStart(3, '0')}`;
    else text += String.fromCharCode(byte);
  }
  return text === path ? path : `"${text}"`;
}

/** A name in a `---` or `+++` line: behind one with spaces comes a tab, where the name ends. */
const named = (path: string): string => (path.includes(' ') ? `${quoted(path)}\t` : quoted(path));

const oidOf = (entry: FoundEntry | undefined): string => entry?.oid ?? NO_OID;
/** Of files that group members may write, git shows what it would check out. */
const modeOf = ({ mode }: FoundEntry): string => (mode === '100664' ? '100644' : mode);
const kindOf = (entry: FoundEntry): string => entry.mode.slice(0, 3);

/** One part of a patch: at least one side is there, and with two of them both are of one kind. */
export interface FilePatch {
  readonly path: string;
  readonly previousPath: string;
  readonly before: FoundEntry | undefined;
  readonly after: FoundEntry | undefined;
  readonly similarity: number | undefined;
}

/** The parts that a change takes: a file that became a link, or the other way around, goes and comes anew. */
export function patchesOf(change: FileChange): readonly FilePatch[] {
  const { path } = change;
  const before = change.kind === 'added' ? undefined : change.before;
  const after = change.kind === 'removed' ? undefined : change.after;
  const previousPath = change.kind === 'renamed' ? change.previousPath : path;
  const similarity = change.kind === 'renamed' ? change.similarity : undefined;
  if (before && after && kindOf(before) !== kindOf(after)) {
    return [
      { path, previousPath, before, after: undefined, similarity: undefined },
      { path, previousPath, before: undefined, after, similarity: undefined },
    ];
  }
  const isSame = path === previousPath && before?.oid === after?.oid;
  // Modes of old trees that mean the same to whoever checks them out.
  if (before && after && isSame && modeOf(before) === modeOf(after)) return [];
  return [{ path, previousPath, before, after, similarity }];
}

/** Everything before the content; `isBinary` content has no lines, so no names of its sides either. */
export function patchHeader(patch: FilePatch, content: 'none' | 'binary' | 'text'): string {
  const { path, previousPath, before, after, similarity } = patch;
  const [from, to] = [`a/${previousPath}`, `b/${path}`];
  const lines = [`diff --git ${quoted(from)} ${quoted(to)}`];
  const isSameMode = before && after && modeOf(before) === modeOf(after);
  if (!before && after) lines.push(`new file mode ${modeOf(after)}`);
  else if (before && !after) lines.push(`deleted file mode ${modeOf(before)}`);
  else if (before && after && !isSameMode)
    lines.push(`old mode ${modeOf(before)}`, `new mode ${modeOf(after)}`);
  if (similarity !== undefined) {
    lines.push(`similarity index ${similarity}%`);
    lines.push(`rename from ${quoted(previousPath)}`, `rename to ${quoted(path)}`);
  }
  if (before?.oid !== after?.oid) {
    lines.push(`index ${oidOf(before)}..${oidOf(after)}${isSameMode ? ` ${modeOf(after)}` : ''}`);
  }
  if (content === 'text') {
    lines.push(`--- ${before ? named(from) : '/dev/null'}`, `+++ ${after ? named(to) : '/dev/null'}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What git shows for a submodule. */
export const submoduleLine = (oid: Oid): Buffer => Buffer.from(`Subproject commit ${oid}\n`);

export interface SizedBytes {
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Content that is no text, both ways: what it becomes, and what it was, so that the patch can be taken back. */
export async function* binaryPatch(
  before: () => Promise<SizedBytes>,
  after: () => Promise<SizedBytes>,
): AsyncGenerator<Buffer> {
  yield Buffer.from('GIT binary patch\n');
  yield* literal(await after());
  yield* literal(await before());
}

async function* literal({ sizeBytes, bytes }: SizedBytes): AsyncGenerator<Buffer> {
  yield Buffer.from(`literal ${sizeBytes}\n`);
  const deflated = createDeflate();
  // A failure of the source reaches the reader of what is deflated.
  pipeline(Readable.from(bytes, { objectMode: false }), deflated, () => undefined);
  const slice = createTimeSlice();
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of deflated as AsyncIterable<Buffer>) {
    const all: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const whole = all.length - (all.length % LINE_BYTES);
    if (whole > 0) yield base85Lines(all.subarray(0, whole));
    rest = all.subarray(whole);
    if (slice.isOver()) await slice.next();
  }
  if (rest.length > 0) yield base85Lines(rest);
  yield Buffer.from('\n');
}

const LINE_BYTES = 52;
const DIGITS = Buffer.from(
  '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~',
);

/** Lines of base 85 as git writes them (`base85.c`): a letter for the length, then five digits for four bytes. */
function base85Lines(bytes: Buffer): Buffer {
  const lines = Math.ceil(bytes.length / LINE_BYTES);
  const out = Buffer.alloc(lines * (2 + (LINE_BYTES / 4) * 5));
  let at = 0;
  for (let start = 0; start < bytes.length; start += LINE_BYTES) {
    const end = Math.min(start + LINE_BYTES, bytes.length);
    const length = end - start;
    // A to Z for 1 to 26, a to z for 27 to 52.
    out[at++] = length <= 26 ? 0x40 + length : 0x60 + length - 26;
    for (let word = start; word < end; word += 4) {
      let value = 0;
      for (let i = 0; i < 4; i += 1) value = value * 256 + (word + i < end ? (bytes[word + i] as number) : 0);
      for (let digit = 4; digit >= 0; digit -= 1) {
        out[at + digit] = DIGITS[value % 85] as number;
        value = Math.floor(value / 85);
      }
      at += 5;
    }
    out[at++] = 0x0a;
  }
  return out.subarray(0, at);
}
