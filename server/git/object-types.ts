import type { Oid } from '../domain/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitObjectType } from './object-storage.ts';

/** Ids looked up together. */
const BATCH = 1000;

/**
 * The types of those ids that a client named and that the repository has. Contents are not read: whoever names a
 * thousand large files shall not fill the memory with them.
 */
export async function typesOf(
  graph: Pick<CommitGraph, 'table'>,
  objects: Pick<ObjectDb, 'infoMany'>,
  oids: readonly Oid[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Oid, GitObjectType>> {
  const types = new Map<Oid, GitObjectType>();
  const { table } = graph;
  for (let start = 0; start < oids.length; start += BATCH) {
    signal.throwIfAborted();
    const unknown: Oid[] = [];
    for (const oid of oids.slice(start, start + BATCH)) {
      const at = table.find(oid);
      if (at >= 0 && table.isRead(at)) types.set(oid, 'commit');
      else unknown.push(oid);
    }
    if (unknown.length === 0) continue;
    for (const [oid, { type }] of await objects.infoMany(unknown)) types.set(oid, type);
  }
  return types;
}

/** Those ids that are of such a type. */
export const ofType = (types: ReadonlyMap<Oid, GitObjectType>, wanted: GitObjectType): readonly Oid[] =>
  [...types].flatMap(([oid, type]) => (type === wanted ? [oid] : []));
