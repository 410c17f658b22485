import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { treeOfCommit } from './objects.ts';
import { createOidTable, OID_BYTES } from './oid-table.ts';

/** What a fetch needs to know of a commit. */
export interface CommitNode {
  readonly oid: Oid;
  readonly parents: readonly Oid[];
  readonly tree: Oid;
  /** Committer's time, seconds since the epoch. */
  readonly time: number;
}

/**
 * Commits by position, in flat arrays: 64 to 110 bytes a commit and nothing for the garbage collector. A commit has
 * its position from when it is first named; what it says is known once it was read.
 */
export interface CommitTable {
  /** Memory it holds. */
  readonly sizeBytes: number;
  readonly size: number;
  /** Position of a commit that was named before, -1 for another one. */
  find(oid: Oid): number;
  /** Position of a commit, given now if it has none. */
  place(oid: Oid): number;
  isRead(at: number): boolean;
  /** Take in what a commit says. Throws `CorruptObject` for what is no commit. */
  read(at: number, content: Buffer): void;
  oidAt(at: number): Oid;
  /** The following are of commits that were read. */
  treeAt(at: number): Oid;
  timeAt(at: number): number;
  parentCount(at: number): number;
  parentAt(at: number, which: number): number;
  node(at: number): CommitNode;
}

const PARENT = 'parent ';
const PARENT_LINE_BYTES = PARENT.length + 41;
const TREE_LINE_BYTES = 'tree '.length + 41;
const OID_LINE = /^[0-9a-f]{40}\n$/;
/** What a `Date` can hold, in seconds, as where commits are shown. */
const LATEST_TIME = 8.64e12;

/** Parents and time out of a commit, without reading its message. Lines that are not as git writes them end the list. */
function linksOf(content: Buffer): { readonly parents: readonly Oid[]; readonly time: number } {
  const parents: Oid[] = [];
  let at = TREE_LINE_BYTES;
  while (content.toString('latin1', at, at + PARENT.length) === PARENT) {
    const line = content.toString('latin1', at + PARENT.length, at + PARENT_LINE_BYTES);
    if (!OID_LINE.test(line)) throw corruptObject('commit without a valid parent line');
    parents.push(line.slice(0, -1) as Oid);
    at += PARENT_LINE_BYTES;
  }
  const start = content.indexOf('\ncommitter ', at - 1, 'latin1');
  const end = start < 0 ? -1 : content.indexOf(0x0a, start + 1);
  if (end < 0) return { parents, time: 0 };
  const line = content.toString('latin1', start, end);
  const digits = /^\s*(-?\d+)/.exec(line.slice(line.lastIndexOf('>') + 1))?.[1];
  const time = Number(digits ?? 0);
  return { parents, time: Math.abs(time) <= LATEST_TIME ? time : 0 };
}

export function createCommitTable(): CommitTable {
  const oids = createOidTable();
  let capacity = 64;
  let trees = Buffer.alloc(capacity * OID_BYTES);
  let times = new Float64Array(capacity);
  /** Where the parents of a commit start in `parents`, plus one; 0 before it was read. */
  let parentStarts = new Uint32Array(capacity);
  let parentCounts = new Uint32Array(capacity);
  let parents = new Uint32Array(capacity);
  let edges = 0;

  const growTo = (wanted: number): void => {
    if (wanted <= capacity) return;
    capacity = Math.max(wanted, capacity * 2);
    const wider = Buffer.alloc(capacity * OID_BYTES);
    trees.copy(wider);
    trees = wider;
    const moreTimes = new Float64Array(capacity);
    moreTimes.set(times);
    times = moreTimes;
    const moreStarts = new Uint32Array(capacity);
    moreStarts.set(parentStarts);
    parentStarts = moreStarts;
    const moreCounts = new Uint32Array(capacity);
    moreCounts.set(parentCounts);
    parentCounts = moreCounts;
  };

  const place = (oid: Oid): number => {
    if (oids.add(oid)) {
      growTo(oids.size);
      return oids.size - 1;
    }
    return oids.position(oid);
  };

  const treeAt = (at: number): Oid => trees.toString('hex', at * OID_BYTES, (at + 1) * OID_BYTES) as Oid;
  const parentAt = (at: number, which: number): number =>
    parents[(parentStarts[at] as number) - 1 + which] as number;

  return {
    get sizeBytes() {
      return (
        oids.sizeBytes +
        trees.byteLength +
        times.byteLength +
        parentStarts.byteLength +
        parentCounts.byteLength +
        parents.byteLength
      );
    },
    get size() {
      return oids.size;
    },
    find: (oid) => oids.position(oid),
    place,
    isRead: (at) => parentStarts[at] !== 0,
    read(at, content) {
      if (parentStarts[at] !== 0) return;
      const tree = treeOfCommit(content);
      const links = linksOf(content);
      const positions = links.parents.map(place);
      if (edges + positions.length > parents.length) {
        const more = new Uint32Array(Math.max(edges + positions.length, parents.length * 2));
        more.set(parents);
        parents = more;
      }
      parents.set(positions, edges);
      trees.write(tree, at * OID_BYTES, 'hex');
      times[at] = links.time;
      parentCounts[at] = positions.length;
      parentStarts[at] = edges + 1;
      edges += positions.length;
    },
    oidAt: (at) => oids.oidAt(at),
    treeAt,
    timeAt: (at) => times[at] as number,
    parentCount: (at) => parentCounts[at] as number,
    parentAt,
    node: (at) => ({
      oid: oids.oidAt(at),
      parents: Array.from({ length: parentCounts[at] as number }, (_, which) =>
        oids.oidAt(parentAt(at, which)),
      ),
      tree: treeAt(at),
      time: times[at] as number,
    }),
  };
}
