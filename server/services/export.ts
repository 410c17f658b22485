import type { Database } from '../db/stores.ts';
import { repoNotFound } from '../domain/errors.ts';
import { repoFullName, type RepoKind } from '../domain/repo.ts';
import { branchRef, isServedRef } from '../domain/revision.ts';
import { exportRepository } from '../git/export.ts';
import { openEmptyFolder } from '../platform/folder-target.ts';
import { createSpool } from '../platform/spool.ts';
import type { RepoObjects } from './repo-objects.ts';

export interface ExportSummary {
  readonly repo: string;
  readonly refs: number;
}

const SPOOL_MEMORY_BYTES = 4 * 1024 * 1024;

/** Write repositories as bare git repositories, for rescue and for checks from outside. */
export function createExport(parts: {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
  readonly stagingFolder: string;
}): { exportRepo(kind: RepoKind, fullName: string, folder: string): Promise<ExportSummary> } {
  const { db, repoObjects, stagingFolder } = parts;
  return {
    async exportRepo(kind, fullName, folder) {
      const [owner = '', name = ''] = fullName.split('/');
      const found = await db.read((stores) => stores.repos.find(kind, owner, name));
      if (!found) throw repoNotFound();
      const { repo } = found;
      const refs = await db.read((stores) => stores.refs.list(repo.id, 'refs/'));
      const spool = createSpool({ folder: stagingFolder, memoryBytes: SPOOL_MEMORY_BYTES });
      try {
        await exportRepository({
          storage: repoObjects.storage(repo),
          refs: refs.filter((ref) => isServedRef(ref.name)),
          head: branchRef(repo.defaultBranch),
          target: await openEmptyFolder(folder),
          spool,
        });
      } finally {
        await spool.dispose();
      }
      return { repo: repoFullName(repo), refs: refs.length };
    },
  };
}
