import { createHash, hash } from 'node:crypto';
import { corruptObject, HubError } from '../domain/errors.ts';
import { isOid } from '../domain/ids.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { GitObjectType, NewGitObject } from './object-storage.ts';
import { toByteName, TreeScan } from './tree-scan.ts';

/** Below this it is cheaper to copy header and content together for one call into OpenSSL. */
const ONE_SHOT_BYTES = 16 * 1024;
const HASH_STEP_BYTES = 4 * 1024 * 1024;

/** The id of the tree with no entries, which git knows without storing it. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904' as Oid;

/** What git hashes before an object's content. */
export const objectHeader = (type: GitObjectType, sizeBytes: number): string => `${type} ${sizeBytes}\0`;

/** The id git gives to this content: SHA-1 over `type size\0content`. */
export function hashObject(type: GitObjectType, content: Uint8Array): Oid {
  const header = objectHeader(type, content.length);
  if (content.length > ONE_SHOT_BYTES) {
    return createHash('sha1').update(header).update(content).digest('hex') as Oid;
  }
  const whole = Buffer.allocUnsafe(header.length + content.length);
  whole.write(header, 'latin1');
  whole.set(content, header.length);
  return hash('sha1', whole, 'hex') as Oid;
}

/** `hashObject` for contents of many megabytes: others get their turn between the pieces. */
export async function hashLargeObject(type: GitObjectType, content: Buffer): Promise<Oid> {
  const slice = createTimeSlice();
  const sha1 = createHash('sha1').update(objectHeader(type, content.length));
  for (let at = 0; at < content.length; at += HASH_STEP_BYTES) {
    sha1.update(content.subarray(at, at + HASH_STEP_BYTES));
    if (slice.isOver()) await slice.next();
  }
  return sha1.digest('hex') as Oid;
}

/** An object with its id, made from its content. */
export const newObject = (type: GitObjectType, content: Buffer): NewGitObject => ({
  oid: hashObject(type, content),
  type,
  content,
});

/** Modes that git writes today. */
export type TreeMode = '100644' | '100755' | '120000' | '40000' | '160000';

/** One entry of a tree, its name byte for byte. */
export interface TreeEntry {
  /** As written in the tree, e.g. `100644`, `40000`, or a legacy mode such as `100664`. */
  readonly mode: string;
  readonly name: Buffer;
  readonly oid: Oid;
}

/**
 * The mode git would write today for a mode found in a tree: `100664` is `100644`, any other executable file is
 * `100755` (git, `canon_mode`). `undefined` for what is not a mode.
 */
export function canonicalMode(mode: string): TreeMode | undefined {
  if (!/^[0-7]{5,7}$/.test(mode)) return undefined;
  const bits = Number.parseInt(mode, 8);
  switch (bits & 0o170000) {
    case 0o100000:
      return (bits & 0o100) === 0 ? '100644' : '100755';
    case 0o120000:
      return '120000';
    case 0o040000:
      return '40000';
    case 0o160000:
      return '160000';
    default:
      return undefined;
  }
}

/** All entries of a tree, in stored order. For small trees: big ones are read with `TreeScan`. */
export function parseTree(content: Buffer): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  const scan = new TreeScan(content);
  while (scan.next()) {
    entries.push({
      mode: scan.modeText,
      name: content.subarray(scan.nameStart, scan.nameEnd),
      oid: scan.oid,
    });
  }
  return entries;
}

/** A tree's content from its entries, sorted as git sorts them (a folder as if its name ended in `/`). */
export function writeTree(
  entries: Iterable<{ readonly mode: string; readonly name: Buffer | string; readonly oid: Oid }>,
): Buffer {
  const lines: { readonly key: string; readonly bytes: Buffer }[] = [];
  for (const { mode, name, oid } of entries) {
    const byteName = typeof name === 'string' ? toByteName(name) : name.toString('latin1');
    const isFolder = canonicalMode(mode) === '40000';
    lines.push({
      key: isFolder ? `${byteName}/` : byteName,
      bytes: Buffer.concat([Buffer.from(`${mode} ${byteName}\0`, 'latin1'), Buffer.from(oid, 'hex')]),
    });
  }
  lines.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return Buffer.concat(lines.map((line) => line.bytes));
}

/** Who wrote or committed, and when. */
export interface Signature {
  readonly name: string;
  readonly email: string;
  /** Seconds since the epoch. */
  readonly time: number;
  /** Offset from UTC as git prints it, e.g. `+0000`. */
  readonly zone: string;
}

/** A header that git or a tool added, e.g. `gpgsig`. Lines of a long value are joined by `\n`. */
export interface ExtraHeader {
  readonly name: string;
  readonly value: string;
}

export interface Commit {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  readonly author: Signature;
  readonly committer: Signature;
  /** Headers other than the above, in stored order. */
  readonly extraHeaders: readonly ExtraHeader[];
  readonly message: string;
}

export interface Tag {
  readonly object: Oid;
  readonly type: GitObjectType;
  readonly tag: string;
  /** Very old tags have none. */
  readonly tagger: Signature | undefined;
  readonly extraHeaders: readonly ExtraHeader[];
  readonly message: string;
}

const NO_SIGNATURE: Signature = { name: '', email: '', time: 0, zone: '+0000' };

/** What a `Date` can hold, in seconds: later times, which forged commits have, would throw where they are shown. */
const LATEST_TIME = 8.64e12;

/**
 * Names, mails and dates in old histories are odd in every way, and git shows them all the same, so this never
 * fails: what cannot be read is empty, time 0.
 */
function parseSignature(line: string): Signature {
  const close = line.lastIndexOf('>');
  const open = line.indexOf('<');
  if (open < 0 || close < open) return { ...NO_SIGNATURE, name: line.trim() };
  const [, digits = '0', zone = '+0000'] =
    /^\s*(-?\d+)(?:\s+([+-]\d{1,6}))?/.exec(line.slice(close + 1)) ?? [];
  const time = Number(digits);
  return {
    name: line.slice(0, open).trim(),
    email: line.slice(open + 1, close),
    time: Math.abs(time) <= LATEST_TIME ? time : 0,
    zone,
  };
}

/** The characters that would end the field; git drops the same ones (`ident.c`, `strbuf_addstr_without_crud`). */
const withoutCrud = (text: string): string => text.replace(/[\0\n<>]/g, '').trim();

const writeSignature = ({ name, email, time, zone }: Signature): string =>
  `${withoutCrud(name)} <${withoutCrud(email)}> ${Math.trunc(time)} ${zone}`;

const OBJECT_TYPES: ReadonlySet<string> = new Set<GitObjectType>(['commit', 'tree', 'blob', 'tag']);

interface Headers {
  readonly lines: readonly ExtraHeader[];
  readonly message: string;
}

/** Text of commits is UTF-8 unless an `encoding` header says otherwise; unknown encodings are read as UTF-8. */
function decodeText(content: Buffer, encoding: string | undefined): string {
  if (encoding === undefined || /^utf-?8$/i.test(encoding)) return content.toString('utf8');
  try {
    return new TextDecoder(encoding).decode(content);
  } catch (error) {
    if (error instanceof RangeError) return content.toString('utf8');
    throw error;
  }
}

/** Split `name value` lines from the message; a line that starts with a space continues the one before. */
function parseHeaders(content: Buffer, what: string): Headers {
  const blank = content.indexOf('\n\n', 0, 'latin1');
  const headerEnd = blank < 0 ? content.length : blank + 1;
  const head = content.toString('latin1', 0, headerEnd);
  const encoding = /\nencoding ([^\n]+)\n/.exec(head)?.[1];
  const text = decodeText(content.subarray(0, headerEnd), encoding);
  if (text !== '' && !text.endsWith('\n')) throw corruptObject(`${what} with a cut-off header`);
  const lines: { name: string; value: string }[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const last = lines.at(-1);
    if (line.startsWith(' ')) {
      if (last === undefined) throw corruptObject(`${what} with a bad header`);
      last.value += `\n${line.slice(1)}`;
      continue;
    }
    const space = line.indexOf(' ');
    lines.push(
      space < 0 ? { name: line, value: '' } : { name: line.slice(0, space), value: line.slice(space + 1) },
    );
  }
  return { lines, message: blank < 0 ? '' : decodeText(content.subarray(blank + 2), encoding) };
}

function oidOf(header: ExtraHeader | undefined, name: string, what: string): Oid {
  if (header?.name !== name || !isOid(header.value))
    throw corruptObject(`${what} without a valid ${name} line`);
  return header.value;
}

const TREE_LINE_BYTES = 'tree \n'.length + 40;

/** The tree of a commit without reading the rest of it. Throws `CorruptObject`. */
export function treeOfCommit(content: Buffer): Oid {
  const line = content.toString('latin1', 0, TREE_LINE_BYTES);
  const oid = line.slice('tree '.length, -1);
  if (!line.startsWith('tree ') || !line.endsWith('\n') || !isOid(oid)) {
    throw corruptObject('commit without a valid tree line');
  }
  return oid;
}

/** Read a commit. Throws `CorruptObject` unless tree, parents, author and committer lines are there in order. */
export function parseCommit(content: Buffer): Commit {
  const { lines, message } = parseHeaders(content, 'commit');
  const tree = oidOf(lines[0], 'tree', 'commit');
  let at = 1;
  const parents: Oid[] = [];
  for (; lines[at]?.name === 'parent'; at += 1) parents.push(oidOf(lines[at], 'parent', 'commit'));
  const author = lines[at];
  const committer = lines[at + 1];
  if (author?.name !== 'author' || committer?.name !== 'committer') {
    throw corruptObject('commit without author and committer lines');
  }
  return {
    tree,
    parents,
    author: parseSignature(author.value),
    committer: parseSignature(committer.value),
    extraHeaders: lines.slice(at + 2),
    message,
  };
}

/** Read an annotated tag. Throws `CorruptObject` unless object, type and tag lines are there in order. */
export function parseTag(content: Buffer): Tag {
  const { lines, message } = parseHeaders(content, 'tag');
  const object = oidOf(lines[0], 'object', 'tag');
  const [, type, tag, tagger] = lines;
  if (type?.name !== 'type' || !OBJECT_TYPES.has(type.value))
    throw corruptObject('tag without a valid type line');
  if (tag?.name !== 'tag') throw corruptObject('tag without a tag line');
  const hasTagger = tagger?.name === 'tagger';
  return {
    object,
    type: type.value as GitObjectType,
    tag: tag.value,
    tagger: hasTagger ? parseSignature(tagger.value) : undefined,
    extraHeaders: lines.slice(hasTagger ? 4 : 3),
    message,
  };
}

/** git refuses NUL in messages too (`commit_tree_extended`): other tools would cut the message there. */
function checkMessage(message: string): void {
  if (message.includes('\0'))
    throw new HubError('InvalidBody', 'A message must not contain a NUL character.');
}

const writeHeaders = (headers: readonly ExtraHeader[]): string =>
  headers
    // The text below is written as UTF-8, whatever it was read from.
    .filter(({ name }) => name !== 'encoding')
    .map(({ name, value }) => (value === '' ? `${name}\n` : `${name} ${value.replaceAll('\n', '\n ')}\n`))
    .join('');

/** A commit's content, in UTF-8. `extraHeaders` may be left out. Throws `InvalidBody` on NUL in the message. */
export function writeCommit(
  commit: Omit<Commit, 'extraHeaders'> & Partial<Pick<Commit, 'extraHeaders'>>,
): Buffer {
  checkMessage(commit.message);
  return Buffer.from(
    `tree ${commit.tree}\n` +
      commit.parents.map((parent) => `parent ${parent}\n`).join('') +
      `author ${writeSignature(commit.author)}\n` +
      `committer ${writeSignature(commit.committer)}\n` +
      `${writeHeaders(commit.extraHeaders ?? [])}\n` +
      commit.message,
    'utf8',
  );
}

/** An annotated tag's content, in UTF-8. Throws `InvalidBody` on NUL in the message. */
export function writeTag(tag: Omit<Tag, 'extraHeaders'> & Partial<Pick<Tag, 'extraHeaders'>>): Buffer {
  checkMessage(tag.message);
  return Buffer.from(
    `object ${tag.object}\ntype ${tag.type}\ntag ${tag.tag}\n` +
      (tag.tagger === undefined ? '' : `tagger ${writeSignature(tag.tagger)}\n`) +
      `${writeHeaders(tag.extraHeaders ?? [])}\n` +
      tag.message,
    'utf8',
  );
}
