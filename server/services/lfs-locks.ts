import type { LfsLock } from '../db/questions/lfs-locks.ts';
import type { Database } from '../db/stores.ts';
import { forbidden, HubError, signInRequired } from '../domain/errors.ts';
import { isPublicId } from '../domain/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Authorize, Granted } from './authorize.ts';
import { requireWritable } from './writable.ts';

export type { LfsLock };

export interface LfsLockPage {
  /** Row key of the lock before the page; 0 for the first page. */
  readonly after: number;
  readonly limit: number;
  readonly path?: string | undefined;
  /** Public id as the client sent it. */
  readonly id?: string | undefined;
}

/**
 * Locks of paths (git-lfs locking API). They are what people tell each other: git-lfs looks at them before it pushes,
 * and nothing else does (docs/decisions/0040-locks-are-advice.md).
 */
export interface LfsLocks {
  /** Lock a path for the caller. `isNew` is false when it was locked already, by whomever. */
  lock(granted: Granted<'write'>, path: string): Promise<{ readonly lock: LfsLock; readonly isNew: boolean }>;
  /** Oldest first; `next` is the `after` of the next page where there is one. */
  list(
    granted: Granted<'read'>,
    page: LfsLockPage,
  ): Promise<{ readonly locks: readonly LfsLock[]; readonly next: number | undefined }>;
  /**
   * Give up a lock. That of somebody else needs `isForced` and the right to administer. Throws NotFound and Forbidden.
   */
  unlock(granted: Granted<'write'>, id: string, isForced: boolean): Promise<LfsLock>;
}

export function createLfsLocks(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly authorize: Pick<Authorize, 'also'>;
}): LfsLocks {
  const { db, clock, authorize } = parts;

  return {
    lock({ repo, actor }, path) {
      if (actor.kind === 'anonymous') throw signInRequired();
      if (actor.kind === 'deploy-key') throw forbidden('Locks are of people: a deploy key has none.');
      const lock = { repositoryId: repo.id, path, ownerId: actor.user.id };
      return db.write(async (stores) => {
        await requireWritable(stores, repo.id);
        return stores.lfsLocks.add(lock, clock.now());
      });
    },

    async list({ repo }, { after, limit, path, id }) {
      if (id !== undefined && !isPublicId(id)) return { locks: [], next: undefined };
      const found = await db.read((stores) =>
        stores.lfsLocks.list(repo.id, { after, limit: limit + 1, path, publicId: id }),
      );
      const locks = found.slice(0, limit);
      return { locks, next: found.length > limit ? locks.at(-1)?.id : undefined };
    },

    async unlock(granted, id, isForced) {
      const { repo, actor } = granted;
      const lock = isPublicId(id) ? await db.read((stores) => stores.lfsLocks.find(repo.id, id)) : undefined;
      if (!lock) throw noSuchLock();
      if (actor.kind !== 'user' || lock.owner.id !== actor.user.id) {
        if (!isForced)
          throw forbidden(`The lock is of ${lock.owner.name}. Those who administer may break it by force.`);
        await authorize.also(granted, 'administer');
      }
      const isRemoved = await db.write(async (stores) => {
        await requireWritable(stores, repo.id);
        return stores.lfsLocks.remove(repo.id, lock.publicId);
      });
      if (!isRemoved) throw noSuchLock();
      return lock;
    },
  };
}

const noSuchLock = (): HubError => new HubError('NotFound', 'There is no such lock in this repository.');
