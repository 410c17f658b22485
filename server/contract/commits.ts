import { z } from 'zod';
import { choice, flag } from './query.ts';
import { jsonBody, repo, reply, route, streamBody } from './route.ts';

/** How one announced file is to be sent; `oid` is what stands at its path now (contract 3.2). */
export interface UploadModeReply {
  readonly path: string;
  readonly uploadMode: 'lfs' | 'regular';
  readonly shouldIgnore: boolean;
  readonly oid: string | null;
}

export interface CommitDoneReply {
  readonly success: true;
  readonly commitOid: string;
  readonly commitUrl: string;
  readonly hookOutput: string;
}

export const MAX_PREUPLOAD_FILES = 10_000;

export const preupload = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/preupload/*',
  access: repo('write'),
  summary: 'How each file of a coming commit is to be sent.',
  query: z.object({ create_pr: choice(['0', '1', 'true', 'false', 'True', 'False']) }),
  body: jsonBody(
    z.object({
      files: z.array(
        z.object({
          path: z.string(),
          size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
          sample: z.string().nullish(),
          sha256: z.string().max(128).nullish(),
        }),
      ),
      gitAttributes: z
        .string()
        .max(4 * 1024 * 1024)
        .nullish(),
      gitIgnore: z
        .string()
        .max(4 * 1024 * 1024)
        .nullish(),
    }),
    { maxBytes: 32 * 1024 * 1024 },
  ),
  answer: reply<{ readonly files: readonly UploadModeReply[]; readonly commitOid: string }>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'InvalidPath', 'InvalidOid', 'TooManyItems', 'NotSupported'],
});

export const commit = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/commit/*',
  access: repo('write'),
  summary: 'One commit to a branch, its operations as lines of NDJSON.',
  query: z.object({ create_pr: choice(['0', '1', 'true', 'false', 'True', 'False']), hot_reload: flag }),
  body: streamBody(['application/x-ndjson']),
  answer: reply<CommitDoneReply>(),
  errors: [
    'RepoNotFound',
    'RevisionNotFound',
    'EntryNotFound',
    'RefMoved',
    'PathCollision',
    'LfsNotUploaded',
    'LfsMismatch',
    'UseLfs',
    'InvalidContent',
    'InvalidMetadata',
    'NotSupported',
  ],
});
