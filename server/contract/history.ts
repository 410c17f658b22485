import { z } from 'zod';
import { ignored } from './query.ts';
import { jsonBody, repo, reply, route, signedIn } from './route.ts';
import { repoKind } from './shapes.ts';

export interface HistoryReply {
  readonly success: true;
  readonly message: string;
  /** Head of the branch now. */
  readonly new_commit_id: string;
}

export interface MergeReply {
  readonly success: true;
  readonly message: string;
  readonly result: {
    /** Head of the branch now. */
    readonly reference: string;
    /** How many files changed in the branch. */
    readonly summary: {
      readonly added: number;
      readonly removed: number;
      readonly changed: number;
      readonly conflict: 0;
    };
  };
}

export interface SquashReply {
  readonly success: true;
  readonly commitOid: string;
}

const revision = z.string().min(1).max(1024);
const message = z
  .string()
  .max(64 * 1024)
  .nullish();
/** Facts that tools attach to a commit: they become trailers of its message. */
const metadata = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/), z.string().max(1024))
  .nullish();
const MAX_METADATA = 64;

const commitWords = {
  message,
  metadata: metadata.refine((facts) => Object.keys(facts ?? {}).length <= MAX_METADATA, {
    message: `may have ${MAX_METADATA} entries`,
  }),
};

/** The branch and its starting point in the body, as other hubs take it. */
export const branchByBody = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/branch',
  access: repo('write'),
  summary: 'Create a branch, named in the body, at a revision.',
  query: ignored,
  body: jsonBody(
    z.object({
      branch: z.string(),
      revision: revision.nullish(),
      startingPoint: revision.nullish(),
      emptyBranch: z.boolean().nullish(),
      overwrite: z.boolean().nullish(),
    }),
  ),
  answer: reply<{ readonly success: true; readonly message: string }>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'Conflict', 'InvalidRevision', 'ReservedName'],
});

export const tagByBody = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/tag',
  access: repo('write'),
  summary: 'Tag a revision, named in the body; with a message the tag is annotated.',
  query: ignored,
  body: jsonBody(z.object({ tag: z.string(), revision: revision.nullish(), message })),
  answer: reply<{ readonly success: true; readonly message: string }>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'Conflict', 'InvalidRevision', 'ReservedName'],
});

export const revert = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/branch/*/revert',
  access: repo('write'),
  summary: 'Undo a commit by a new commit on a branch.',
  query: ignored,
  body: jsonBody(
    z.object({
      ref: revision,
      parent_number: z.number().int().min(1).max(1_000_000).nullish(),
      ...commitWords,
      /** Taken, since clients send it; a branch here is never locked. */
      force: z.boolean().nullish(),
      allow_empty: z.boolean().nullish(),
    }),
  ),
  answer: reply<HistoryReply>(),
  errors: [
    'RepoNotFound',
    'RevisionNotFound',
    'InvalidRevision',
    'InvalidParameter',
    'Conflict',
    'LfsNotUploaded',
  ],
});

export const reset = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/branch/*/reset',
  access: repo('write'),
  summary: 'Move a branch to any commit, when all its large files are held.',
  query: ignored,
  body: jsonBody(
    z.object({
      ref: revision,
      /** Taken, since clients send it; no commit is made that could carry it. */
      message,
      /** For the default branch. */
      force: z.boolean().nullish(),
    }),
  ),
  answer: reply<HistoryReply & { readonly commit_id: string; readonly recoverable: true }>(),
  errors: [
    'RepoNotFound',
    'RevisionNotFound',
    'InvalidRevision',
    'InvalidRequest',
    'Conflict',
    'LfsNotUploaded',
  ],
});

export const merge = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/merge/*',
  access: repo('write'),
  summary: 'Merge a revision into a branch: `merge/{source}/into/{branch}`.',
  query: ignored,
  body: jsonBody(
    z
      .object({
        ...commitWords,
        strategy: z.enum(['none', 'dest-wins', 'source-wins']).nullish(),
        /** Merge histories that have no commit in common. */
        force: z.boolean().nullish(),
        allow_empty: z.boolean().nullish(),
        squash_merge: z.boolean().nullish(),
        /** Make a commit even where the branch could simply move to the source. */
        fast_forward: z.boolean().nullish(),
      })
      .optional(),
  ),
  answer: reply<MergeReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'InvalidRevision', 'Conflict', 'LfsNotUploaded'],
});

export const superSquash = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/super-squash/*',
  access: repo('write'),
  summary: 'Replace the history of a branch by one commit with the same files.',
  query: ignored,
  body: jsonBody(z.object({ message }).optional()),
  answer: reply<SquashReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'InvalidRevision', 'Conflict'],
});

export const squashRepo = route({
  method: 'POST',
  path: '/api/repos/squash',
  access: signedIn('repo'),
  summary: 'Replace the history of every branch and tag of a repository, each by one commit.',
  query: ignored,
  body: jsonBody(z.object({ repo: z.string(), type: repoKind.nullish() })),
  answer: reply<{ readonly success: true; readonly message: string }>(),
  errors: ['RepoNotFound', 'InvalidName', 'Conflict'],
});
