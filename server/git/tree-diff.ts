import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import { TreeScan } from './tree-scan.ts';
import type { FoundEntry } from './tree-walk.ts';

/** One path that differs between two trees. */
export interface TreeChange {
  /** Full path from the root, UTF-8. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Absent when added. */
  readonly before?: FoundEntry;
  /** Absent when removed. */
  readonly after?: FoundEntry;
}

export interface DiffOptions {
  /**
   * Go into folders that appear or vanish whole, so that each file in them is reported. Otherwise such a folder is one
   * change, and what is in it is left to the caller. Default true.
   */
  readonly expandNew?: boolean;
  /** Report folders too, each before its content: changed ones, and appearing or vanishing ones. Default false. */
  readonly folders?: boolean;
}

const LOOP_STEP = 1024;

const entryOf = (scan: TreeScan): FoundEntry => ({ mode: scan.modeText, type: scan.type, oid: scan.oid });

/** One side of a pair of folders; `undefined` where the folder is not there. */
interface Side {
  readonly scan: TreeScan;
  hasEntry: boolean;
}

interface Pair {
  readonly path: string;
  readonly before: Side | undefined;
  readonly after: Side | undefined;
}

function sideOf(content: Buffer | undefined): Side | undefined {
  if (content === undefined) return undefined;
  const scan = new TreeScan(content);
  return { scan, hasEntry: scan.next() };
}

/**
 * What differs from tree `a` to tree `b` (either may be absent), in git's order. Equal subtrees are not read. A file
 * that becomes a folder of the same name is a removed file and an added folder, as git reports it.
 */
export async function* diffTrees(
  db: Pick<ObjectDb, 'tree'>,
  a: Oid | undefined,
  b: Oid | undefined,
  options: DiffOptions = {},
): AsyncGenerator<TreeChange, void, undefined> {
  if (a === b) return;
  const { expandNew = true, folders = false } = options;
  const slice = createTimeSlice();
  const content = async (oid: Oid | undefined): Promise<Buffer | undefined> =>
    oid === undefined ? undefined : db.tree(oid);
  const pairOf = async (path: string, before: Oid | undefined, after: Oid | undefined): Promise<Pair> => ({
    path,
    before: sideOf(await content(before)),
    after: sideOf(await content(after)),
  });

  const stack: Pair[] = [await pairOf('', a, b)];
  let steps = 0;
  while (stack.length > 0) {
    steps += 1;
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
    const { path, before, after } = stack.at(-1) as Pair;
    const hasBefore = before?.hasEntry === true;
    const hasAfter = after?.hasEntry === true;
    if (!hasBefore && !hasAfter) {
      stack.pop();
      continue;
    }
    const order = !hasBefore ? 1 : !hasAfter ? -1 : before.scan.compareEntry(after.scan);
    const left = order <= 0 ? before : undefined;
    const right = order >= 0 ? after : undefined;
    const isSame =
      left !== undefined &&
      right !== undefined &&
      left.scan.hasOidOf(right.scan) &&
      left.scan.mode === right.scan.mode;
    if (!isSame) {
      const scan = (left ?? right)?.scan as TreeScan;
      const change = {
        path: path + scan.name,
        kind: left === undefined ? 'added' : right === undefined ? 'removed' : 'changed',
        ...(left === undefined ? {} : { before: entryOf(left.scan) }),
        ...(right === undefined ? {} : { after: entryOf(right.scan) }),
      } as const;
      // Entries with one sort key are both folders or both not.
      const isDescended = scan.isTree && (change.kind === 'changed' || expandNew);
      if (isDescended) {
        // Only the mode may differ, in old trees; then there is nothing below.
        const hasSameContent = change.before?.oid === change.after?.oid;
        const inside = hasSameContent
          ? undefined
          : await pairOf(`${change.path}/`, change.before?.oid, change.after?.oid);
        if (folders && !hasSameContent) yield change;
        advance(left, right);
        if (inside !== undefined) stack.push(inside);
        continue;
      }
      yield change;
    }
    advance(left, right);
  }
}

function advance(...sides: readonly (Side | undefined)[]): void {
  for (const side of sides) if (side !== undefined) side.hasEntry = side.scan.next();
}
