import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import {
  areSizesClose,
  bestMatches,
  countChunks,
  ENOUGH,
  lastPart,
  sharedBytes,
  type Chunks,
  type Match,
} from './similarity.ts';
import type { TreeChange } from './tree-diff.ts';
import type { FoundEntry } from './tree-walk.ts';

/** One path that differs, with where its content was before if it moved. */
export type FileChange =
  | { readonly kind: 'added'; readonly path: string; readonly after: FoundEntry }
  | { readonly kind: 'removed'; readonly path: string; readonly before: FoundEntry }
  | {
      readonly kind: 'modified';
      readonly path: string;
      readonly before: FoundEntry;
      readonly after: FoundEntry;
    }
  | {
      readonly kind: 'renamed';
      readonly path: string;
      readonly previousPath: string;
      readonly before: FoundEntry;
      readonly after: FoundEntry;
      /** Per cent of the content that is the same, 50 to 100. */
      readonly similarity: number;
    };

type Removed = Extract<FileChange, { kind: 'removed' }>;
type Added = Extract<FileChange, { kind: 'added' }>;

/** Bounds of the search for similar files. Files that moved unchanged are found without any. */
const MAX_SIMILAR_FILES = 200;
const MAX_SIMILAR_BYTES = 1024 * 1024;
const MAX_READ_BYTES = 16 * 1024 * 1024;
const LOOP_STEP = 1024;

/** A tree's change in the form of a file's. */
export function fileChange({ path, before, after }: TreeChange): FileChange {
  if (before && after) return { kind: 'modified', path, before, after };
  if (after) return { kind: 'added', path, after };
  return { kind: 'removed', path, before: before as FoundEntry };
}

const isRegular = ({ mode }: FoundEntry): boolean => mode.startsWith('100');

/** A link or a submodule can only have been one before. */
const couldBe = (before: FoundEntry, after: FoundEntry): boolean =>
  before.type === 'blob' &&
  after.type === 'blob' &&
  (before.mode === after.mode || (isRegular(before) && isRegular(after)));

/**
 * Join files that vanished with files that appeared: first those with the same content, then, within bounds, those of
 * which half or more is the same, as `git diff -M` does. The order stays; what moved stands where it is now.
 */
export async function joinRenames(
  db: Pick<ObjectDb, 'infoMany' | 'findMany'>,
  changes: readonly FileChange[],
): Promise<readonly FileChange[]> {
  const removed = changes.filter((change) => change.kind === 'removed');
  const added = changes.filter((change) => change.kind === 'added');
  if (removed.length === 0 || added.length === 0) return changes;
  const pairs = new Map<Added, { readonly from: Removed; readonly similarity: number }>();
  const taken = new Set<Removed>();
  const join = (from: Removed, to: Added, similarity: number): void => {
    pairs.set(to, { from, similarity });
    taken.add(from);
  };
  joinEqual(removed, added, join);
  const isLeft = (entry: FoundEntry): boolean => isRegular(entry) && entry.type === 'blob';
  await joinSimilar(
    db,
    removed.filter((one) => !taken.has(one) && isLeft(one.before)),
    added.filter((one) => !pairs.has(one) && isLeft(one.after)),
    join,
  );
  if (pairs.size === 0) return changes;
  return changes.flatMap((change): FileChange | [] => {
    if (change.kind === 'removed' && taken.has(change)) return [];
    const pair = change.kind === 'added' ? pairs.get(change) : undefined;
    if (change.kind !== 'added' || !pair) return change;
    const { from, similarity } = pair;
    const { path, after } = change;
    return { kind: 'renamed', path, previousPath: from.path, before: from.before, after, similarity };
  });
}

type Join = (from: Removed, to: Added, similarity: number) => void;

function joinEqual(removed: readonly Removed[], added: readonly Added[], join: Join): void {
  const byOid = new Map<Oid, Removed[]>();
  for (const one of removed) {
    const same = byOid.get(one.before.oid);
    if (same) same.push(one);
    else byOid.set(one.before.oid, [one]);
  }
  const take = (to: Added, isWanted: (from: Removed) => boolean): boolean => {
    const same = byOid.get(to.after.oid) ?? [];
    const at = same.findIndex((from) => couldBe(from.before, to.after) && isWanted(from));
    if (at < 0) return false;
    join(...(same.splice(at, 1) as [Removed]), to, 100);
    return true;
  };
  // A file that kept its name moved; only then may another one have been renamed.
  const others = added.filter((to) => !take(to, (from) => lastPart(from.path) === lastPart(to.path)));
  for (const to of others) take(to, () => true);
}

async function joinSimilar(
  db: Pick<ObjectDb, 'infoMany' | 'findMany'>,
  removed: readonly Removed[],
  added: readonly Added[],
  join: Join,
): Promise<void> {
  if (removed.length === 0 || added.length === 0) return;
  if (removed.length > MAX_SIMILAR_FILES || added.length > MAX_SIMILAR_FILES) return;
  const oids = [...removed.map(({ before }) => before.oid), ...added.map(({ after }) => after.oid)];
  const infos = await db.infoMany(oids);
  const sizeOf = (oid: Oid): number => infos.get(oid)?.sizeBytes ?? 0;
  const comparable = new Set(oids.filter((oid) => sizeOf(oid) > 0 && sizeOf(oid) <= MAX_SIMILAR_BYTES));
  if ([...comparable].reduce((sum, oid) => sum + sizeOf(oid), 0) > MAX_READ_BYTES) return;
  const slice = createTimeSlice();
  const chunks = new Map<Oid, Chunks>();
  for (const [oid, { content }] of await db.findMany(comparable)) {
    chunks.set(oid, countChunks(content));
    if (slice.isOver()) await slice.next();
  }

  const matches: Match<Removed, Added>[] = [];
  let steps = 0;
  for (const to of added) {
    for (const from of removed) {
      steps += 1;
      if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
      const [one, two] = [chunks.get(from.before.oid), chunks.get(to.after.oid)];
      if (!one || !two) continue;
      const sizes = [sizeOf(from.before.oid), sizeOf(to.after.oid)] as const;
      if (!areSizesClose(...sizes)) continue;
      const score = sharedBytes(one, two) / Math.max(...sizes);
      if (score >= ENOUGH) matches.push({ from, to, score });
      if (slice.isOver()) await slice.next();
    }
  }
  // Only what is the same to the last byte is so to a hundred per cent.
  for (const { from, to, score } of bestMatches(matches))
    join(from, to, Math.min(Math.floor(score * 100), 99));
}
