import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { OID_BYTES } from './oid-table.ts';

/** What a tree entry leads to; `commit` is a submodule. */
export type TreeEntryType = 'blob' | 'tree' | 'commit';

const SPACE = 0x20;
const SLASH = 0x2f;
const DIGIT_0 = 0x30;

const KIND_MASK = 0o170000;
const KIND_TREE = 0o040000;
const KIND_FILE = 0o100000;
const KIND_SYMLINK = 0o120000;
const KIND_SUBMODULE = 0o160000;

const MODE_BY_NUMBER = new Map([
  [0o100644, '100644'],
  [0o100755, '100755'],
  [0o120000, '120000'],
  [0o040000, '40000'],
  [0o160000, '160000'],
]);

const broken = (problem: string, at: number): Error => corruptObject(`tree with ${problem} at byte ${at}`);

/**
 * A cursor over the raw content of a tree: no JS object per entry, so a folder of a million files is read as it is
 * needed. Fields are of the entry that `next` moved to. Names are bytes; `byteName` gives them as a string of one
 * character a byte (latin1), which JS compares exactly as git compares names.
 * Format: `<octal mode> <name>\0<20 bytes>` (git, Documentation/gitformat-pack and object-name internals).
 */
export class TreeScan {
  readonly content: Buffer;
  /** Where the entry starts and ends in `content`. */
  start: number;
  end: number;
  mode = 0;
  nameStart = 0;
  nameEnd = 0;

  /** `from` must be where an entry starts. */
  constructor(content: Buffer, from = 0) {
    this.content = content;
    this.start = from;
    this.end = from;
  }

  /** Move to the next entry; false at the end. Throws `CorruptObject` on anything that is not a tree entry. */
  next(): boolean {
    const { content } = this;
    const { length } = content;
    let at = this.end;
    if (at >= length) return false;
    this.start = at;
    let mode = 0;
    for (;;) {
      const byte = content[at];
      at += 1;
      if (byte === SPACE) break;
      const digit = (byte ?? 0) - DIGIT_0;
      if (digit < 0 || digit > 7 || at - this.start > 7) throw broken('a bad mode', this.start);
      mode = mode * 8 + digit;
    }
    const kind = mode & KIND_MASK;
    if (kind !== KIND_FILE && kind !== KIND_TREE && kind !== KIND_SYMLINK && kind !== KIND_SUBMODULE) {
      throw broken('an unknown mode', this.start);
    }
    const nameStart = at;
    for (;;) {
      const byte = content[at];
      if (byte === 0) break;
      if (byte === undefined || byte === SLASH) throw broken('a bad name', this.start);
      at += 1;
    }
    if (at === nameStart) throw broken('an empty name', this.start);
    const end = at + 1 + OID_BYTES;
    if (end > length) throw broken('a cut-off entry', this.start);
    this.mode = mode;
    this.nameStart = nameStart;
    this.nameEnd = at;
    this.end = end;
    return true;
  }

  /** Stand where another scan stands, whose tree has the same mode and name there. */
  moveTo(other: TreeScan): void {
    this.start = other.start;
    this.end = other.end;
    this.mode = other.mode;
    this.nameStart = other.nameStart;
    this.nameEnd = other.nameEnd;
  }

  get isTree(): boolean {
    return (this.mode & KIND_MASK) === KIND_TREE;
  }

  get type(): TreeEntryType {
    const kind = this.mode & KIND_MASK;
    return kind === KIND_TREE ? 'tree' : kind === KIND_SUBMODULE ? 'commit' : 'blob';
  }

  /** The mode as git writes it in trees: `100644`, `40000`; legacy modes such as `100664` as they are. */
  get modeText(): string {
    return MODE_BY_NUMBER.get(this.mode) ?? this.mode.toString(8);
  }

  get byteName(): string {
    return this.content.toString('latin1', this.nameStart, this.nameEnd);
  }

  /** The name read as UTF-8; bytes that are not UTF-8 become U+FFFD. */
  get name(): string {
    return this.content.toString('utf8', this.nameStart, this.nameEnd);
  }

  get oid(): Oid {
    return this.content.toString('hex', this.nameEnd + 1, this.end) as Oid;
  }

  /** True when the entry has that byte name. */
  hasName(byteName: string): boolean {
    const { content, nameStart, nameEnd } = this;
    if (nameEnd - nameStart !== byteName.length) return false;
    // From the end: names in one folder differ there.
    for (let i = byteName.length - 1; i >= 0; i -= 1) {
      if (content[nameStart + i] !== byteName.charCodeAt(i)) return false;
    }
    return true;
  }

  /**
   * Compare the entry with a sort key: a byte name, with `/` behind it for a folder. Below zero when the entry comes
   * first. Git orders trees by this key, so folder `a` (`a/`) comes after file `a-b`.
   */
  compareKey(key: string): number {
    const { content, nameStart, nameEnd } = this;
    const nameLength = nameEnd - nameStart;
    const entryLength = this.isTree ? nameLength + 1 : nameLength;
    const shared = Math.min(entryLength, key.length);
    for (let i = 0; i < shared; i += 1) {
      const byte = i < nameLength ? (content[nameStart + i] as number) : SLASH;
      const difference = byte - key.charCodeAt(i);
      if (difference !== 0) return difference;
    }
    return entryLength - key.length;
  }

  /** Compare by sort key with the entry another scan stands on. */
  compareEntry(other: TreeScan): number {
    const a = this.content;
    const b = other.content;
    const aLength = this.nameEnd - this.nameStart;
    const bLength = other.nameEnd - other.nameStart;
    const shared = Math.min(aLength, bLength);
    for (let i = 0; i < shared; i += 1) {
      const difference = (a[this.nameStart + i] as number) - (b[other.nameStart + i] as number);
      if (difference !== 0) return difference;
    }
    const aNext = aLength > shared ? (a[this.nameStart + shared] as number) : this.isTree ? SLASH : -1;
    const bNext = bLength > shared ? (b[other.nameStart + shared] as number) : other.isTree ? SLASH : -1;
    return aNext - bNext;
  }

  /** True when both scans stand on the same object id. */
  hasOidOf(other: TreeScan): boolean {
    return (
      this.content.compare(other.content, other.nameEnd + 1, other.end, this.nameEnd + 1, this.end) === 0
    );
  }
}

const ASCII = /^[\x00-\x7f]*$/; // eslint-disable-line no-control-regex -- the range is the point

/** A UTF-8 name as a string of one character a byte, the form in which names are compared. */
export const toByteName = (name: string): string =>
  ASCII.test(name) ? name : Buffer.from(name, 'utf8').toString('latin1');

/** The way back from `toByteName`; bytes that are not UTF-8 become U+FFFD. */
export const fromByteName = (byteName: string): string =>
  ASCII.test(byteName) ? byteName : Buffer.from(byteName, 'latin1').toString('utf8');
