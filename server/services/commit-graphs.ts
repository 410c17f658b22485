import type { RepositoryId } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { createCommitGraph, type CommitGraph } from '../git/commit-graph.ts';
import { createCommitTable, type CommitTable } from '../git/commit-table.ts';
import type { ObjectDb } from '../git/object-db.ts';
import type { RepoObjects } from './repo-objects.ts';

/**
 * The commits of repositories, in memory as far as questions have come, for all who ask. Within one bound of bytes;
 * the repository that was asked for longest ago goes first. Commits never change, so nothing is ever invalidated.
 */
export interface CommitGraphs {
  /** For one request or job. `objects` when it has opened the repository already. */
  open(repo: Pick<Repo, 'id' | 'publicId'>, objects?: Pick<ObjectDb, 'findMany'>): CommitGraph;
}

export function createCommitGraphs(parts: {
  readonly repoObjects: RepoObjects;
  readonly maxBytes: number;
}): CommitGraphs {
  const { repoObjects, maxBytes } = parts;
  // A Map iterates in order of insertion: the first key is the one used longest ago.
  const tables = new Map<RepositoryId, CommitTable>();

  const trim = (): void => {
    let sizeBytes = 0;
    for (const table of tables.values()) sizeBytes += table.sizeBytes;
    for (const [id, table] of tables) {
      if (sizeBytes <= maxBytes) break;
      tables.delete(id);
      sizeBytes -= table.sizeBytes;
    }
  };

  return {
    open(repo, objects = repoObjects.open(repo)) {
      // Tables grow while they are used, so the bound is looked at when the next one is asked for.
      trim();
      const table = tables.get(repo.id) ?? createCommitTable();
      tables.delete(repo.id);
      tables.set(repo.id, table);
      return createCommitGraph(table, objects);
    },
  };
}
