import type { Database } from '../db/stores.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { createOidTable, type OidTable } from '../git/oid-table.ts';
import type { ObjectFilter, PackQuestion } from '../git/pack-question.ts';
import { selectObjects } from '../git/pack-selection.ts';
import { writePackStream } from '../git/pack-stream.ts';
import { createTimeSlice } from '../git/time-slice.ts';
import { TreeScan } from '../git/tree-scan.ts';
import type { ByteSource } from '../objects/object-store.ts';
import type { CommitGraphs } from './commit-graphs.ts';
import { readFetchRefs } from './fetch-refs.ts';
import type { RepoObjects } from './repo-objects.ts';

export interface PackAnswers {
  /** Streams the pack, header and trailer included. `onProgress` says counts for band 2. */
  pack(
    repo: Repo,
    question: PackQuestion,
    needs: { signal: AbortSignal; onProgress: (text: string) => void },
  ): Promise<{ objectCount: number; bytes: ByteSource }>;
  /** Those of `oids` that a reader of the repository's readable refs cannot reach. */
  unreachable(repo: Repo, oids: readonly Oid[], signal: AbortSignal): Promise<readonly Oid[]>;
}

/** What is added to `table`, in order; anything in `skip` and below it is left out. */
interface Walk {
  readonly objects: ObjectDb;
  readonly table: OidTable;
  readonly skip: OidTable | undefined;
  readonly filter: ObjectFilter | undefined;
  readonly signal: AbortSignal;
}

async function addTree(walk: Walk, root: Oid, rootDepth = 0, isNamed = false): Promise<void> {
  const { objects, table, skip, filter, signal } = walk;
  const slice = createTimeSlice();
  const most = filter?.kind === 'tree:depth' ? filter.depth : Infinity;
  if (!isNamed && rootDepth >= most) return;
  const waiting: { oid: Oid; depth: number }[] = [];
  const discover = (oid: Oid, depth: number): void => {
    if (depth < most && !skip?.has(oid) && table.add(oid)) waiting.push({ oid, depth });
  };
  if (isNamed) {
    if (table.add(root)) waiting.push({ oid: root, depth: rootDepth });
  } else discover(root, rootDepth);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    signal.throwIfAborted();
    const depth = next.depth + 1;
    const scan = new TreeScan(await objects.tree(next.oid));
    const blobs: Oid[] = [];
    while (scan.next()) {
      if (scan.type === 'tree') discover(scan.oid, depth);
      else if (scan.type === 'blob' && depth < most && filter?.kind !== 'blob:none') blobs.push(scan.oid);
    }
    const fresh = blobs.filter((oid) => !skip?.has(oid) && !table.has(oid));
    const infos = filter?.kind === 'blob:limit' ? await objects.infoMany(fresh) : undefined;
    for (const oid of fresh) {
      const size = infos?.get(oid)?.sizeBytes ?? 0;
      if (filter?.kind !== 'blob:limit' || size < filter.bytes) table.add(oid);
    }
    if (slice.isOver()) await slice.next();
  }
}

export function createPackAnswers(parts: {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
  readonly commitGraphs: CommitGraphs;
}): PackAnswers {
  const { db, repoObjects, commitGraphs } = parts;

  return {
    async pack(repo, question, { signal, onProgress }) {
      const db = repoObjects.open(repo);
      const selected = await selectObjects(question, { graph: commitGraphs.open(repo, db), db, signal });
      onProgress(`Enumerating objects: ${selected.count}, done.\n`);
      const bytes = writePackStream({
        db,
        storage: repoObjects.storage(repo),
        selected,
        // A client that left objects out may lack what the trees it has lead to.
        mayBeThin: question.mayBeThin && question.filter === undefined,
        mayUseOffsets: question.mayUseOffsets,
        signal,
      });
      return { objectCount: selected.count, bytes };
    },

    async unreachable(repo, oids, signal) {
      const objects = repoObjects.open(repo);
      const graph = commitGraphs.open(repo, objects);
      const refs = await readFetchRefs(db, repo);
      const tips = [...(await graph.findMany(refs.tips())).keys()];
      const { sent } = await graph.select({ wants: tips, haves: [], ends: [], haveEnds: [], signal });
      const table = createOidTable();
      for (const { target } of refs.all) table.add(target);
      for (const at of sent) {
        table.add(graph.table.oidAt(at));
        const walk = { objects, table, skip: undefined, filter: undefined, signal };
        await addTree(walk, graph.table.treeAt(at));
      }
      return oids.filter((oid) => !table.has(oid));
    },
  };
}
