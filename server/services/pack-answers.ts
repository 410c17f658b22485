import { createHash } from 'node:crypto';
import type { Database } from '../db/stores.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { parseTag } from '../git/objects.ts';
import { createOidTable, type OidTable } from '../git/oid-table.ts';
import { writeEntryHeader } from '../git/pack-entry.ts';
import { PACK_HEADER_BYTES } from '../git/pack-index.ts';
import type { ObjectFilter, PackQuestion } from '../git/pack-question.ts';
import { deflateObject } from '../git/pack-write.ts';
import { createTimeSlice } from '../git/time-slice.ts';
import { TreeScan } from '../git/tree-scan.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { gathered } from '../platform/gathered.ts';
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

  async function select(
    repo: Repo,
    objects: ObjectDb,
    question: PackQuestion,
    signal: AbortSignal,
  ): Promise<OidTable> {
    const graph = commitGraphs.open(repo, objects);
    const table = createOidTable();
    const commits: Oid[] = [];
    const trees: Oid[] = [];
    for (const want of question.wants) {
      let oid = want;
      for (;;) {
        const { type, content } = await objects.get(oid);
        if (type === 'commit') commits.push(oid);
        else if (type === 'tree') trees.push(oid);
        else table.add(oid);
        if (type !== 'tag') break;
        oid = parseTag(content).object;
      }
    }
    for (const oid of question.uncut) commits.push(...((await graph.find(oid))?.parents ?? []));
    const haves: Oid[] = [];
    for (const have of question.haves) {
      const object = await objects.find(have);
      if (object?.type === 'commit') haves.push(have);
      else if (object?.type === 'tag') haves.push(parseTag(object.content).object);
    }
    const { sent, boundary } = await graph.select({
      wants: commits,
      haves,
      ends: question.cut,
      haveEnds: question.clientShallow,
      signal,
    });
    const skip = createOidTable();
    for (const at of boundary) {
      await addTree(
        { objects, table: skip, skip: undefined, filter: undefined, signal },
        graph.table.treeAt(at),
      );
    }
    const isSent = new Set(sent.map((at) => graph.table.oidAt(at)));
    for (const oid of commits) isSent.add(oid);
    const walk: Walk = { objects, table, skip, filter: question.filter, signal };
    for (const oid of isSent) {
      table.add(oid);
      const node = await graph.find(oid);
      if (node) await addTree(walk, node.tree);
    }
    for (const tree of trees) await addTree(walk, tree, 0, true);
    for (const { tag, target } of question.includeTags) if (table.has(target)) table.add(tag);
    return table;
  }

  return {
    async pack(repo, question, { signal, onProgress }) {
      const objects = repoObjects.open(repo);
      const table = await select(repo, objects, question, signal);
      const ids = Buffer.from(table.bytes());
      const objectCount = table.size;
      onProgress(`Enumerating objects: ${objectCount}, done.\n`);
      async function* entries(): AsyncGenerator<Uint8Array> {
        const sha1 = createHash('sha1');
        const header = Buffer.alloc(PACK_HEADER_BYTES);
        header.write('PACK', 'latin1');
        header.writeUInt32BE(2, 4);
        header.writeUInt32BE(objectCount, 8);
        sha1.update(header);
        yield header;
        for (let at = 0; at < ids.length; at += 20) {
          signal.throwIfAborted();
          const { type, content } = await objects.get(ids.toString('hex', at, at + 20) as Oid);
          for (const piece of [writeEntryHeader(type, content.length), await deflateObject(content)]) {
            sha1.update(piece);
            yield piece;
          }
        }
        yield sha1.digest();
      }
      return { objectCount, bytes: gathered(entries()) };
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
