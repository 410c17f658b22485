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
import { diffTrees } from './tree-diff.ts';
import { canonicalMode } from './objects.ts';

/** A file that is gone from one tree, or new in the other. */
interface Candidate {
  readonly path: string;
  readonly oid: Oid;
  sizeBytes: number;
  isTaken: boolean;
}

/** How much of the only file with this last part of the path is the same; git's bound. */
const ENOUGH_FOR_ITS_NAME = 0.75;
/** More files are not looked through: such a change is no rename that anybody could follow. */
const MAX_FILES = 50_000;
const MAX_COMPARISONS = 20_000;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Which of the `wanted` files, all of them gone from the first tree to the second, are there under another name: with the
 * same bytes, or most of them. As in git, a new file is the old one's only if no other has a better claim on it.
 */
export async function findRenames(
  db: Pick<ObjectDb, 'tree' | 'get' | 'infoMany'>,
  trees: { readonly before: Oid; readonly after: Oid },
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const renames = new Map<string, string>();
  const gone: Candidate[] = [];
  const added: Candidate[] = [];
  for await (const { path, before, after } of diffTrees(db, trees.before, trees.after)) {
    const entry = before && after ? undefined : (before ?? after);
    if (entry?.type !== 'blob' || !canonicalMode(entry.mode)?.startsWith('100')) continue;
    (before ? gone : added).push({ path, oid: entry.oid, sizeBytes: 0, isTaken: false });
    if (gone.length + added.length > MAX_FILES) return renames;
  }
  const take = (from: Candidate, to: Candidate): void => {
    from.isTaken = true;
    to.isTaken = true;
    if (wanted.has(from.path)) renames.set(from.path, to.path);
  };
  const sizes = await db.infoMany([...gone, ...added].map(({ oid }) => oid));
  for (const file of [...gone, ...added]) file.sizeBytes = sizes.get(file.oid)?.sizeBytes ?? 0;
  // Nothing was moved by moving an empty file.
  takeSameBytes(
    gone.filter(({ sizeBytes }) => sizeBytes > 0),
    added,
    take,
  );
  const sources = gone.filter(({ isTaken, path }) => !isTaken && wanted.has(path));
  await takeSimilar(
    db,
    sources,
    added.filter(({ isTaken }) => !isTaken),
    take,
  );
  return renames;
}

function takeSameBytes(
  gone: readonly Candidate[],
  added: readonly Candidate[],
  take: (from: Candidate, to: Candidate) => void,
): void {
  const byOid = Map.groupBy(gone, ({ oid }) => oid);
  for (const to of added) {
    const free = byOid.get(to.oid)?.filter(({ isTaken }) => !isTaken) ?? [];
    const from = free.find(({ path }) => lastPart(path) === lastPart(to.path)) ?? free[0];
    if (from) take(from, to);
  }
}

async function takeSimilar(
  db: Pick<ObjectDb, 'get'>,
  sources: readonly Candidate[],
  added: readonly Candidate[],
  take: (from: Candidate, to: Candidate) => void,
): Promise<void> {
  if (sources.length === 0 || sources.length * added.length > MAX_COMPARISONS) return;
  const slice = createTimeSlice();
  const chunks = new Map<Oid, Chunks>();
  const chunksOf = async ({ oid }: Candidate): Promise<Chunks> => {
    const known = chunks.get(oid) ?? countChunks((await db.get(oid, 'blob')).content);
    chunks.set(oid, known);
    if (slice.isOver()) await slice.next();
    return known;
  };
  const similarity = async (from: Candidate, to: Candidate): Promise<number> => {
    const largest = Math.max(from.sizeBytes, to.sizeBytes);
    if (largest > MAX_BYTES || !areSizesClose(from.sizeBytes, to.sizeBytes)) return 0;
    return sharedBytes(await chunksOf(from), await chunksOf(to)) / largest;
  };

  const sourcesByName = Map.groupBy(sources, ({ path }) => lastPart(path));
  const addedByName = Map.groupBy(added, ({ path }) => lastPart(path));
  for (const [name, [from, ...others]] of sourcesByName) {
    const [to, ...rivals] = addedByName.get(name) ?? [];
    if (!from || !to || others.length > 0 || rivals.length > 0) continue;
    if ((await similarity(from, to)) >= ENOUGH_FOR_ITS_NAME) take(from, to);
  }
  const matches: Match<Candidate, Candidate>[] = [];
  for (const to of added) {
    for (const from of sources) {
      if (from.isTaken || to.isTaken) continue;
      const score = await similarity(from, to);
      if (score >= ENOUGH) matches.push({ from, to, score });
    }
  }
  for (const { from, to } of bestMatches(matches)) take(from, to);
}
