import { z } from 'zod';
import { LFS_MEDIA_TYPES, lfsRef } from './lfs.ts';
import { ignored, integer, text } from './query.ts';
import { jsonBody, lfsRepo, noBody, reply, route } from './route.ts';

/* The git-lfs locking API (git-lfs, docs/api/locking.md). Refs are taken and looked at, but a lock holds on all. */

export const MAX_LOCKS = 1000;
export const DEFAULT_LOCKS = 100;

const LOCKS = '/:prefix?/:namespace/:name/info/lfs/locks';

export interface LfsLockShape {
  readonly id: string;
  readonly path: string;
  readonly locked_at: string;
  readonly owner: { readonly name: string };
}

export interface LfsLockReply {
  readonly lock: LfsLockShape;
}

export interface LfsLocksReply {
  readonly locks: readonly LfsLockShape[];
  readonly next_cursor?: string;
}

export interface LfsLocksVerifyReply {
  readonly ours: readonly LfsLockShape[];
  readonly theirs: readonly LfsLockShape[];
  readonly next_cursor?: string;
}

export const lfsLock = route({
  method: 'POST',
  path: LOCKS,
  access: lfsRepo('write'),
  summary: 'Lock a path, so that git-lfs warns others who would push it.',
  query: ignored,
  body: jsonBody(z.looseObject({ path: z.string(), ref: lfsRef }), { mediaTypes: LFS_MEDIA_TYPES }),
  answer: reply<LfsLockReply>(),
  replies: [201],
  errors: ['RepoNotFound', 'SignInRequired', 'Forbidden', 'Conflict'],
  errorForm: 'lfs',
});

export const lfsLocks = route({
  method: 'GET',
  path: LOCKS,
  access: lfsRepo('read'),
  summary: 'Locks of a repository, oldest first.',
  query: z.looseObject({
    path: text(4096),
    id: text(256),
    cursor: text(256),
    limit: integer(1, MAX_LOCKS),
    refspec: text(1024),
  }),
  body: noBody,
  answer: reply<LfsLocksReply>(),
  errors: ['RepoNotFound', 'InvalidCursor'],
  errorForm: 'lfs',
});

export const lfsVerifyLocks = route({
  method: 'POST',
  path: `${LOCKS}/verify`,
  access: lfsRepo('write'),
  summary: 'Locks of the caller and of others, which git-lfs asks for before each push.',
  query: ignored,
  body: jsonBody(
    z.looseObject({
      cursor: z.string().max(256).nullish(),
      limit: z.number().int().min(0).nullish(),
      ref: lfsRef,
    }),
    { mediaTypes: LFS_MEDIA_TYPES },
  ),
  answer: reply<LfsLocksVerifyReply>(),
  errors: ['RepoNotFound', 'SignInRequired', 'Forbidden', 'InvalidCursor'],
  errorForm: 'lfs',
});

export const lfsUnlock = route({
  method: 'POST',
  path: `${LOCKS}/:id/unlock`,
  access: lfsRepo('write'),
  summary: 'Give up a lock, or break that of somebody else by force.',
  query: ignored,
  body: jsonBody(z.looseObject({ force: z.boolean().nullish(), ref: lfsRef }).optional(), {
    mediaTypes: LFS_MEDIA_TYPES,
  }),
  answer: reply<LfsLockReply>(),
  errors: ['RepoNotFound', 'NotFound', 'SignInRequired', 'Forbidden'],
  errorForm: 'lfs',
});
