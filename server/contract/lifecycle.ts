import { z } from 'zod';
import { ignored } from './query.ts';
import { anyone, jsonBody, noBody, repo, reply, route, signedIn } from './route.ts';
import { heldKind, repoKind } from './shapes.ts';

/** Where a repository is, after it was moved or made. */
export interface RepoAddressReply {
  readonly url: string;
  readonly id: string;
  readonly name: string;
}

export const moveRepo = route({
  method: 'POST',
  path: '/api/repos/move',
  access: signedIn('repo'),
  summary: 'Rename a repository or give it to another owner; its former name leads to it.',
  query: ignored,
  body: jsonBody(z.object({ fromRepo: z.string(), toRepo: z.string(), type: heldKind.nullish() })),
  answer: reply<RepoAddressReply>(),
  errors: ['RepoNotFound', 'Forbidden', 'Conflict', 'InvalidName', 'ReservedName'],
});

/** Clients send hardware, secrets and the like for spaces as well; spaces do not run here, so these are passed over. */
export const duplicateRepo = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/duplicate',
  access: repo('read'),
  summary: 'Make a repository with the whole history, branches and tags of this one.',
  query: ignored,
  body: jsonBody(
    z.object({
      repository: z.string(),
      visibility: z.enum(['public', 'private', 'protected']).nullish(),
      private: z.boolean().nullish(),
    }),
  ),
  answer: reply<RepoAddressReply>(),
  errors: ['RepoNotFound', 'SignInRequired', 'Forbidden', 'Conflict', 'InvalidName', 'ReservedName'],
});

export interface RepoSettingsReply {
  readonly visibility: 'public' | 'private';
  readonly private: boolean;
  readonly gated: false;
  readonly archived: boolean;
  readonly defaultBranch: string;
}

export const readRepoSettings = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/settings',
  access: repo('settings'),
  summary: 'The settings of a repository.',
  query: ignored,
  body: noBody,
  answer: reply<RepoSettingsReply>(),
  errors: ['RepoNotFound', 'Forbidden'],
});

export const repoSettings = route({
  method: 'PUT',
  path: '/api/:kind/:namespace/:name/settings',
  access: repo('settings'),
  summary: 'Change who sees a repository, its default branch, and whether it can be written to.',
  query: ignored,
  body: jsonBody(
    z.object({
      visibility: z.enum(['public', 'private', 'protected']).optional(),
      private: z.boolean().optional(),
      gated: z.union([z.literal(false), z.enum(['auto', 'manual']), z.literal(true)]).optional(),
      archived: z.boolean().optional(),
      /** Older clients say whether large files may come by Xet: here they always may. */
      xetEnabled: z.boolean().optional(),
      defaultBranch: z.string().max(1024).optional(),
    }),
  ),
  answer: reply<RepoSettingsReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'Forbidden', 'NotSupported'],
});

export interface NameCheckReply {
  readonly available: boolean;
  /** The form by which names that are too much alike are told. */
  readonly normalized_name: string;
  /** What has the name, or one too much like it, as far as the caller may know of it. */
  readonly conflict_with: string | null;
  readonly message: string;
}

export const checkName = route({
  method: 'POST',
  path: '/api/validate/check-name',
  access: anyone('tells of nothing that the caller cannot see anyway'),
  summary: 'Whether a repository, or without namespace and type an account, could have a name.',
  query: ignored,
  body: jsonBody(
    z.object({
      name: z.string(),
      namespace: z.string().nullish(),
      type: repoKind.nullish(),
    }),
  ),
  answer: reply<NameCheckReply>(),
  errors: ['SignInRequired'],
});
