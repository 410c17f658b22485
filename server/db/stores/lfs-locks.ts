import type { Selectable } from 'kysely';
import type { RepositoryId } from '../../domain/ids.ts';
import { newPublicId } from '../../platform/random.ts';
import type { LfsLock, LfsLockStore } from '../questions/lfs-locks.ts';
import type { StoreContext } from '../store-context.ts';
import type { LfsLockTable } from '../tables.ts';

type LockRow = Omit<Selectable<LfsLockTable>, 'repository_id'> & { readonly owner_name: string };

const toLock = (row: LockRow): LfsLock => ({
  id: row.id,
  publicId: row.public_id,
  path: row.path,
  lockedAt: row.locked_at,
  owner: { id: row.owner_id, name: row.owner_name },
});

export function createLfsLockStore({ db }: StoreContext): LfsLockStore {
  const selectLocks = (repositoryId: RepositoryId) =>
    db
      .selectFrom('lfs_locks')
      .innerJoin('namespaces', 'namespaces.id', 'lfs_locks.owner_id')
      .select([
        'lfs_locks.id',
        'lfs_locks.public_id',
        'lfs_locks.path',
        'lfs_locks.owner_id',
        'lfs_locks.locked_at',
        'namespaces.name as owner_name',
      ])
      .where('lfs_locks.repository_id', '=', repositoryId);

  return {
    add: async ({ repositoryId, path, ownerId }, now) => {
      const added = await db
        .insertInto('lfs_locks')
        .values({
          public_id: newPublicId(),
          repository_id: repositoryId,
          path,
          owner_id: ownerId,
          locked_at: now,
        })
        .onConflict((on) => on.columns(['repository_id', 'path']).doNothing())
        .returning('id')
        .executeTakeFirst();
      const row = await selectLocks(repositoryId)
        .where('lfs_locks.path', '=', path)
        .executeTakeFirstOrThrow();
      return { lock: toLock(row), isNew: added !== undefined };
    },

    find: async (repositoryId, publicId) => {
      const row = await selectLocks(repositoryId)
        .where('lfs_locks.public_id', '=', publicId)
        .executeTakeFirst();
      return row && toLock(row);
    },

    list: async (repositoryId, { after, limit, path, publicId }) => {
      let locks = selectLocks(repositoryId)
        .where('lfs_locks.id', '>', after)
        .orderBy('lfs_locks.id')
        .limit(limit);
      if (path !== undefined) locks = locks.where('lfs_locks.path', '=', path);
      if (publicId !== undefined) locks = locks.where('lfs_locks.public_id', '=', publicId);
      return (await locks.execute()).map(toLock);
    },

    remove: async (repositoryId, publicId) => {
      const { numDeletedRows } = await db
        .deleteFrom('lfs_locks')
        .where('repository_id', '=', repositoryId)
        .where('public_id', '=', publicId)
        .executeTakeFirst();
      return Number(numDeletedRows) > 0;
    },
  };
}
