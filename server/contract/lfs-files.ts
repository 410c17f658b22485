import { z } from 'zod';
import { ignored, integer, text } from './query.ts';
import { jsonBody, noBody, repo, reply, route } from './route.ts';

/** A large file as `list_lfs_files` reads it (contract 1.4). */
export interface LfsFileReply {
  /** By which it is removed: the SHA-256, as `oid`. */
  readonly fileOid: string;
  readonly filename: string;
  readonly oid: string;
  readonly pushedAt: string;
  readonly ref?: string;
  readonly size: number;
  readonly xetHash?: string;
  readonly pusher?: { readonly name: string };
}

export const LFS_FILES_PAGE = 1000;
/** Clients send batches of this size. */
export const MAX_LFS_FILES = 1000;

export const listLfsFiles = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/lfs-files',
  access: repo('read'),
  summary: 'Large files that commits of the repository name or named, each once.',
  query: z.looseObject({ cursor: text(512), limit: integer(1, LFS_FILES_PAGE) }),
  body: noBody,
  answer: reply<readonly LfsFileReply[]>(),
  errors: ['RepoNotFound', 'InvalidCursor'],
});

export const removeLfsFiles = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/lfs-files/batch',
  access: repo('settings'),
  summary: 'Give large files up for good, and rewrite all history without them when asked to.',
  query: ignored,
  body: jsonBody(
    z.looseObject({
      deletions: z.looseObject({
        sha: z.array(z.string().max(128)),
        rewriteHistory: z.boolean().nullish(),
      }),
    }),
  ),
  answer: reply<{ readonly success: true }>(),
  errors: ['RepoNotFound', 'Forbidden', 'InvalidOid', 'TooManyItems', 'Conflict'],
});

export const copyLfsFiles = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/lfs-files/duplicate',
  access: repo('read'),
  summary: 'Let another repository commit large files of this one without sending them.',
  query: ignored,
  body: jsonBody(
    z.looseObject({
      target: z.looseObject({
        type: z.enum(['model', 'dataset', 'space', 'kernel']),
        name: z.string().max(256),
      }),
      files: z.array(
        z.looseObject({
          sha256: z.string().max(128),
          xetHash: z.string().max(128).nullish(),
          filename: z.string().nullish(),
        }),
      ),
    }),
    { maxBytes: 4 * 1024 * 1024 },
  ),
  answer: reply<{ readonly failed: readonly { readonly sha256: string; readonly error: string }[] }>(),
  errors: ['RepoNotFound', 'SignInRequired', 'Forbidden', 'InvalidOid', 'TooManyItems'],
});
