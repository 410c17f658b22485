import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { ObjectProblem } from './object-checks.ts';
import { parseTag, treeOfCommit } from './objects.ts';
import type { PackContents } from './pack-contents.ts';
import type { PackIndex } from './pack-index.ts';
import { NO_ROW, type PackRows } from './pack-rows.ts';
import { TreeScan } from './tree-scan.ts';

/** What one snapshot may hold, folders counted every time they appear: more is no folder anybody made. */
const MAX_ENTRIES = 10_000_000;
const MAX_DEPTH = 255;
const MAX_PATH_BYTES = 4096;

/** Looks into the trees of a pack that is received, and only those: the others were looked at when they came. */
export interface PackWalk {
  rowOf(oid: Oid): number;
  /** Where objects lie: a path in the snapshot of a tip, or else of any commit of the pack, for those that have one. */
  paths(oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, string>>;
  /**
   * Look at the snapshots of the tips: a few small trees that name each other may stand for more files than anybody
   * can list. Answers the first tree that is too much.
   */
  oversizeTree(): Promise<{ readonly row: number; readonly problem: ObjectProblem } | undefined>;
}

interface Measure {
  readonly entries: number;
  readonly depth: number;
  readonly pathBytes: number;
}

export function createPackWalk(needs: {
  readonly rows: PackRows;
  readonly contents: PackContents;
  readonly index: PackIndex;
  readonly tips: readonly Oid[];
  /** Lets others have the thread. */
  readonly pause: () => Promise<void> | undefined;
}): PackWalk {
  const { rows, contents, index, tips, pause } = needs;

  const rowOf = (oid: Oid): number => {
    const position = index.find(oid);
    return position < 0 ? NO_ROW : rows.rowAt(index.offsetAt(position));
  };

  /** The tree a commit or tag of the pack leads to, as far as that is in the pack. */
  const rootOf = (row: number): number => {
    for (let at = row; at !== NO_ROW;) {
      const type = rows.type(at);
      if (type === 'tree') return at;
      if (type !== 'commit' && type !== 'tag') return NO_ROW;
      const content = contents.get(at);
      at = rowOf(type === 'commit' ? treeOfCommit(content) : parseTag(content).object);
    }
    return NO_ROW;
  };

  function* roots(): Generator<number> {
    for (const tip of tips) {
      const root = attempt(() => rootOf(rowOf(tip)));
      if (root !== undefined && root !== NO_ROW) yield root;
    }
  }

  function* allRoots(): Generator<number> {
    yield* roots();
    for (let row = 0; row < rows.count; row += 1) {
      if (rows.type(row) !== 'commit') continue;
      const root = attempt(() => rootOf(row));
      if (root !== undefined && root !== NO_ROW) yield root;
    }
  }

  /** Entries of a tree; what cannot be read ends it. */
  function* entriesOf(row: number): Generator<TreeScan> {
    const scan = new TreeScan(contents.get(row));
    while (attempt(() => scan.next()) === true) yield scan;
  }

  async function measure(root: number, known: Map<number, Measure>): Promise<void> {
    const stack = [root];
    for (let row = stack.at(-1); row !== undefined; row = stack.at(-1)) {
      if (known.has(row)) {
        stack.pop();
        continue;
      }
      let entries = 0;
      let depth = 0;
      let pathBytes = 0;
      const unknown: number[] = [];
      for (const scan of entriesOf(row)) {
        const below = scan.isTree ? rowOf(scan.oid) : NO_ROW;
        const isTree = below !== NO_ROW && rows.type(below) === 'tree';
        const inner = isTree ? known.get(below) : undefined;
        if (isTree && !inner) unknown.push(below);
        const nameBytes = scan.nameEnd - scan.nameStart;
        entries += 1 + (inner?.entries ?? 0);
        depth = Math.max(depth, 1 + (inner?.depth ?? 0));
        pathBytes = Math.max(pathBytes, nameBytes + (inner ? 1 + inner.pathBytes : 0));
      }
      if (unknown.length > 0) stack.push(...unknown);
      else {
        known.set(row, { entries, depth, pathBytes });
        stack.pop();
      }
      const paused = pause();
      if (paused) await paused;
    }
  }

  return {
    rowOf,

    async paths(oids) {
      const wanted = new Set(oids);
      const found = new Map<Oid, string>();
      const visited = new Uint8Array(rows.count);
      for (const root of allRoots()) {
        const stack = [{ row: root, prefix: '' }];
        for (let step = stack.pop(); step; step = stack.pop()) {
          if (visited[step.row] === 1) continue;
          visited[step.row] = 1;
          for (const scan of entriesOf(step.row)) {
            const { oid } = scan;
            const path = `${step.prefix}${scan.name}`;
            if (wanted.delete(oid)) found.set(oid, path);
            const below = scan.isTree ? rowOf(oid) : NO_ROW;
            if (below !== NO_ROW && rows.type(below) === 'tree')
              stack.push({ row: below, prefix: `${path}/` });
          }
          if (wanted.size === 0) return found;
          const paused = pause();
          if (paused) await paused;
        }
        const paused = pause();
        if (paused) await paused;
      }
      return found;
    },

    async oversizeTree() {
      const known = new Map<number, Measure>();
      for (const root of roots()) {
        await measure(root, known);
        const { entries, depth, pathBytes } = known.get(root) as Measure;
        if (entries > MAX_ENTRIES) {
          return { row: root, problem: { text: `stands for more than ${MAX_ENTRIES} files` } };
        }
        if (depth > MAX_DEPTH) {
          return { row: root, problem: { text: `is more than ${MAX_DEPTH} folders deep` } };
        }
        if (pathBytes > MAX_PATH_BYTES) {
          return { row: root, problem: { text: `has a path of more than ${MAX_PATH_BYTES} bytes` } };
        }
      }
      return undefined;
    },
  };
}

/** What cannot be read leads nowhere; that it is wrong is somebody else's to say. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isHubError(error, 'CorruptObject')) throw error;
    return undefined;
  }
}
