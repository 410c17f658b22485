import * as contract from '../../contract/lfs-locks.ts';
import { LFS_MEDIA_TYPE } from '../../contract/lfs.ts';
import { timestamp } from '../../contract/shapes.ts';
import { conflict, HubError, isHubError } from '../../domain/errors.ts';
import { parsePath } from '../../domain/names.ts';
import type { LfsLock, LfsLocks } from '../../services/lfs-locks.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { readCursor, writeCursor } from '../cursors.ts';
import { json } from '../reply.ts';
import { refuseRef } from './lfs-ref.ts';

const LFS_HEADERS = { 'content-type': LFS_MEDIA_TYPE };

/** The git-lfs locking API. */
export function lfsLockRoutes(services: { readonly lfsLocks: LfsLocks }): readonly Endpoint[] {
  const { lfsLocks } = services;
  return [
    serve(contract.lfsLock, async ({ granted, body }) => {
      refuseRef(body.ref);
      const { lock, isNew } = await lfsLocks.lock(granted, lockPath(body.path));
      // The lock that is in the way is part of the answer, so that the client can say whose it is.
      if (!isNew)
        throw conflict(`The path is locked already, by ${lock.owner.name}.`, { lock: shapeOf(lock) });
      return json({ lock: shapeOf(lock) }, 201, LFS_HEADERS);
    }),

    serve(contract.lfsLocks, async ({ granted, query }) => {
      const { path, id, limit = contract.DEFAULT_LOCKS } = query;
      const listing = JSON.stringify(['locks', granted.repo.publicId, path, id]);
      const after = placeOf(listing, query.cursor);
      const { locks, next } = await lfsLocks.list(granted, { path, id, after, limit });
      return json({ locks: locks.map(shapeOf), ...nextOf(listing, next) }, 200, LFS_HEADERS);
    }),

    serve(contract.lfsVerifyLocks, async ({ granted, body }) => {
      refuseRef(body.ref);
      const { actor, repo } = granted;
      const limit = Math.min(body.limit || contract.DEFAULT_LOCKS, contract.MAX_LOCKS);
      const listing = JSON.stringify(['verified locks', repo.publicId]);
      const after = placeOf(listing, body.cursor);
      const { locks, next } = await lfsLocks.list(granted, { after, limit });
      const isOurs = ({ owner }: LfsLock): boolean => actor.kind === 'user' && actor.user.id === owner.id;
      const ours = locks.filter(isOurs).map(shapeOf);
      const theirs = locks.filter((lock) => !isOurs(lock)).map(shapeOf);
      return json({ ours, theirs, ...nextOf(listing, next) }, 200, LFS_HEADERS);
    }),

    serve(contract.lfsUnlock, async ({ granted, params, body }) => {
      refuseRef(body?.ref);
      const lock = await lfsLocks.unlock(granted, params['id'] ?? '', body?.force ?? false);
      return json({ lock: shapeOf(lock) }, 200, LFS_HEADERS);
    }),
  ];
}

/** The path is part of a body here, where the git-lfs API says 422 for what does not validate. */
function lockPath(text: string): string {
  try {
    return parsePath(text);
  } catch (error) {
    if (isHubError(error, 'InvalidPath')) throw new HubError('InvalidBody', error.message);
    throw error;
  }
}

const shapeOf = (lock: LfsLock): contract.LfsLockShape => ({
  id: lock.publicId,
  path: lock.path,
  locked_at: timestamp(lock.lockedAt),
  owner: { name: lock.owner.name },
});

/** Row key after which a page begins. */
const placeOf = (listing: string, cursor: string | null | undefined): number =>
  cursor ? Number(readCursor(listing, cursor, /^([0-9]{1,15})$/)[0]) : 0;

const nextOf = (listing: string, next: number | undefined): { next_cursor?: string } =>
  next === undefined ? {} : { next_cursor: writeCursor(listing, String(next)) };
