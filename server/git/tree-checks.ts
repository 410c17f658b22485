import { isUtf8 } from 'node:buffer';
import { isHubError } from '../domain/errors.ts';
import { gitFileNamed, type GitFileName } from '../domain/git-files.ts';
import { parseWritablePath } from '../domain/names.ts';
import type { ObjectProblem } from './object-checks.ts';
import { OID_BYTES } from './oid-table.ts';
import { foldName } from './tree-names.ts';
import { visitChangedIds } from './tree-likeness.ts';
import { TreeScan, type TreeEntryType } from './tree-scan.ts';

/** Told what is in a tree. Ids start at `at` in `content`. */
export interface TreeVisitor {
  onEntry(type: TreeEntryType, content: Buffer, at: number): void;
  /** A file that git itself reads, under any name that some system takes for it. */
  onGitFile(name: GitFileName, content: Buffer, at: number): void;
  /** The folder that a repository must not have at its root. */
  onCacheFolder(): void;
}

/** Modes that are written today, and the one with which git itself wrote files until 2005. */
const MODES: ReadonlySet<number> = new Set([0o100644, 0o100755, 0o100664, 0o120000, 0o040000, 0o160000]);
const SYMLINK = 0o120000;
const ROOT_CACHE = '.cache';

const DIGIT_0 = 0x30;
const DOT = 0x2e;
const SPACE = 0x20;
const SLASH = 0x2f;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const TO_LOWER = 0x20;

/** What one byte of a name can mean, as bits. */
const NOT_PLAIN = 1;
const HAS_TWINS = 2;
/**
 * Plain bytes are fine anywhere in a name: printable ASCII but for what Windows or git gives a meaning. Letters that
 * are not small ASCII ones have twins that some systems take for the same.
 */
const BYTE_KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isPlain = byte > SPACE && byte < 0x7f && !':\\~'.includes(String.fromCharCode(byte));
  const hasTwins = byte >= 128 || (byte >= UPPER_A && byte <= UPPER_Z);
  return (isPlain ? 0 : NOT_PLAIN) | (hasTwins ? HAS_TWINS : 0);
});
/** Windows gives names that begin so to devices; a closer look tells. */
const DEVICE_STARTS: ReadonlySet<number> = new Set(
  ['con', 'prn', 'aux', 'nul', 'com', 'lpt'].map((name) => Buffer.from(name).readUIntBE(0, 3)),
);
/** Names that are not plain are looked at once, as they come back in every tree of a history. */
const MAX_KNOWN_NAMES = 20_000;

type NameKind = 'plain' | 'cache' | GitFileName;

const isZero = (content: Buffer, at: number): boolean => {
  for (let i = 0; i < OID_BYTES; i += 1) if (content[at + i] !== 0) return false;
  return true;
};

/** Finds two names of one tree that are one file on some systems, by a table of hashes that is used again. */
function createTwinFinder(): (
  content: Buffer,
  names: readonly number[],
) => readonly [number, number] | undefined {
  let slots = new Int32Array(256);

  const nameAt = (content: Buffer, names: readonly number[], i: number): string =>
    foldName(content.toString('utf8', names[2 * i], names[2 * i + 1]));

  const hashAt = (content: Buffer, start: number, end: number): number => {
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at += 1) {
      let byte = content[at] as number;
      if (byte >= 128) {
        const folded = Buffer.from(foldName(content.toString('utf8', start, end)));
        hash = 0x811c9dc5;
        for (const one of folded) hash = Math.imul(hash ^ one, 0x01000193);
        return hash;
      }
      if (byte >= UPPER_A && byte <= UPPER_Z) byte += TO_LOWER;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    return hash;
  };

  return (content, names) => {
    const count = names.length / 2;
    while (slots.length < count * 2) slots = new Int32Array(slots.length * 2);
    const mask = slots.length - 1;
    slots.fill(-1);
    for (let i = 0; i < count; i += 1) {
      const hash = hashAt(content, names[2 * i] as number, names[2 * i + 1] as number);
      let slot = (hash ^ (hash >>> 15)) & mask;
      for (let other = slots[slot] as number; other >= 0; other = slots[slot] as number) {
        if (nameAt(content, names, other) === nameAt(content, names, i)) return [other, i];
        slot = (slot + 1) & mask;
      }
      slots[slot] = i;
    }
    return undefined;
  };
}

/** Compare two names as git orders trees: a folder as if its name ended in a slash. */
function compareNames(
  content: Buffer,
  aStart: number,
  aEnd: number,
  isATree: boolean,
  bStart: number,
  bEnd: number,
  isBTree: boolean,
): number {
  const shared = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < shared; i += 1) {
    const difference = (content[aStart + i] as number) - (content[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  const aNext = aStart + shared < aEnd ? (content[aStart + shared] as number) : isATree ? SLASH : -1;
  const bNext = bStart + shared < bEnd ? (content[bStart + shared] as number) : isBTree ? SLASH : -1;
  return aNext - bNext;
}

/** True when the name at `a` is the beginning of the name at `b`, or all of it. */
function isBeginning(content: Buffer, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  const length = aEnd - aStart;
  if (length > bEnd - bStart) return false;
  for (let i = length - 1; i >= 0; i -= 1) if (content[aStart + i] !== content[bStart + i]) return false;
  return true;
}

/**
 * Makes a check of trees that remembers names: what git refuses (order, names that are there twice, modes, null ids),
 * names that the API would not take either, since a checkout of them fails or does harm on some system, and two names
 * that are one file there. Answers the first problem.
 *
 * Where a tree is given in which nothing was found and whose entries were all visited (and which has no folder that
 * `onCacheFolder` tells of), only entries with other ids than there are looked at and visited.
 */
export function createTreeChecks(): (
  content: Buffer,
  visitor: TreeVisitor,
  likeness?: Buffer,
) => ObjectProblem | undefined {
  const known = new Map<string, NameKind>();
  const findTwins = createTwinFinder();
  /** Starts and ends of names: all of the tree, and the files that may still meet a folder of their name. */
  let names: number[] = [];
  let open: number[] = [];

  function kindOfName(content: Buffer, start: number, end: number): NameKind | ObjectProblem {
    const key = content.toString('latin1', start, end);
    const kind = known.get(key);
    if (kind !== undefined) return kind;
    const bytes = content.subarray(start, end);
    const name = bytes.toString('utf8');
    if (!isUtf8(bytes)) return { text: 'has a name that is not UTF-8', entry: name };
    try {
      // Rules for whole paths that begin at the root come later, where the root is known.
      parseWritablePath(`x/${name}`);
    } catch (error) {
      if (!isHubError(error)) throw error;
      return { text: 'has a refused name', entry: name, isName: true };
    }
    const found: NameKind = name === ROOT_CACHE ? 'cache' : (gitFileNamed(name) ?? 'plain');
    if (known.size >= MAX_KNOWN_NAMES) known.clear();
    known.set(key, found);
    return found;
  }

  /** Whether no part of a name has a meaning anywhere, where every byte of it is plain. */
  const isPlainName = (content: Buffer, start: number, end: number): boolean => {
    if (end - start > 255 || content[start] === DOT || content[end - 1] === DOT) return false;
    if (end - start < 3) return true;
    const a = (content[start] as number) | TO_LOWER;
    const b = (content[start + 1] as number) | TO_LOWER;
    const c = (content[start + 2] as number) | TO_LOWER;
    return !DEVICE_STARTS.has((a << 16) | (b << 8) | c);
  };

  /** Whether a tree is the known one but for ids, none of them null and none of them of a file that git reads. */
  const isKnownButForIds = (content: Buffer, visitor: TreeVisitor, likeness: Buffer): boolean =>
    visitChangedIds(content, likeness, (scan) => {
      const { nameStart, nameEnd } = scan;
      if (isZero(content, nameEnd + 1)) return false;
      for (let at = nameStart; at < nameEnd; at += 1) {
        if (((BYTE_KINDS[content[at] as number] as number) & NOT_PLAIN) !== 0) return false;
      }
      if (!isPlainName(content, nameStart, nameEnd)) return false;
      visitor.onEntry(scan.type, content, nameEnd + 1);
      return true;
    });

  return function check(content, visitor, likeness) {
    if (likeness && isKnownButForIds(content, visitor, likeness)) return undefined;
    const scan = new TreeScan(content);
    let kinds = 0;
    let previousStart = 0;
    let previousEnd = 0;
    let isPreviousTree = false;
    names = [];
    open = [];
    for (let isFirst = true; ; isFirst = false) {
      try {
        if (!scan.next()) break;
      } catch (error) {
        if (!isHubError(error, 'CorruptObject')) throw error;
        return { text: `has something that is no entry at byte ${scan.start}` };
      }
      const { mode, nameStart, nameEnd, type } = scan;
      const isTree = type === 'tree';
      const oidAt = nameEnd + 1;
      const named = (text: string): ObjectProblem => ({ text, entry: scan.name });
      if (content[scan.start] === DIGIT_0) return named('has a mode with leading zeros');
      if (!MODES.has(mode)) return named(`has the mode ${mode.toString(8)}, which is none`);
      if (isZero(content, oidAt)) return named('names the null id');
      if (!isFirst) {
        const order = compareNames(
          content,
          previousStart,
          previousEnd,
          isPreviousTree,
          nameStart,
          nameEnd,
          isTree,
        );
        if (order > 0) return named('has entries that are out of order');
        if (order === 0) return named('has a name twice');
      }
      // A folder `a` stands behind a file `a.b`, so the file `a` need not be right before it.
      for (let top = open.length - 2; top >= 0; top -= 2) {
        const start = open[top] as number;
        const end = open[top + 1] as number;
        if (isBeginning(content, start, end, nameStart, nameEnd)) {
          if (end - start === nameEnd - nameStart) return named('has a name twice');
          break;
        }
        open.length = top;
      }
      if (!isTree) open.push(nameStart, nameEnd);
      names.push(nameStart, nameEnd);
      previousStart = nameStart;
      previousEnd = nameEnd;
      isPreviousTree = isTree;

      let nameKinds = 0;
      for (let at = nameStart; at < nameEnd; at += 1)
        nameKinds |= BYTE_KINDS[content[at] as number] as number;
      kinds |= nameKinds;
      if ((nameKinds & NOT_PLAIN) !== 0 || !isPlainName(content, nameStart, nameEnd)) {
        const kind = kindOfName(content, nameStart, nameEnd);
        if (typeof kind === 'object') return kind;
        if (kind === 'cache') visitor.onCacheFolder();
        else if (kind !== 'plain') {
          if (mode === SYMLINK) return named(`has a symbolic link as ${kind}`);
          if (type !== 'blob') return named(`has something as ${kind} that is no file`);
          visitor.onGitFile(kind, content, oidAt);
        }
      }
      visitor.onEntry(type, content, oidAt);
    }
    const twins = (kinds & HAS_TWINS) !== 0 ? findTwins(content, names) : undefined;
    if (!twins) return undefined;
    const [name, twin] = twins.map((i) => content.toString('utf8', names[2 * i], names[2 * i + 1])) as [
      string,
      string,
    ];
    return { text: `has "${name}" beside "${twin}", which are one file on Windows and macOS`, entry: twin };
  };
}
