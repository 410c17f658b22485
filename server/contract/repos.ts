import { z } from 'zod';
import { flag, ignored, list } from './query.ts';
import { anyone, jsonBody, namespace, noBody, repo, reply, route, signedIn, type Method } from './route.ts';
import { repoKind } from './shapes.ts';

export const INFO_FIELDS = {
  model: `author baseModels cardData childrenModelCount config createdAt disabled downloads downloadsAllTime
    evalResults gated gguf gitalyUid inference inferenceProviderMapping lastModified library_name likes mask_token
    model-index pipeline_tag private resourceGroup safetensors sha siblings spaces tags transformersInfo
    trendingScore usedStorage widgetData xetEnabled`.split(/\s+/),
  dataset: `author cardData citation createdAt description disabled downloads downloadsAllTime gated gitalyUid
    lastModified likes mainSize paperswithcode_id private resourceGroup sha siblings tags trendingScore usedStorage
    xetEnabled`.split(/\s+/),
  space:
    `author cardData createdAt datasets disabled gitalyUid lastModified likes models private region resourceGroup
    runtime sdk sha siblings subdomain tags trendingScore usedStorage xetEnabled`.split(/\s+/),
} as const;

/** Kernels answer what models answer. */
export const infoFieldsOf = (kind: z.infer<typeof repoKind>): readonly string[] =>
  INFO_FIELDS[kind === 'kernel' ? 'model' : kind];

/**
 * A repository in the usual answers of lists and info (contract 4.1). With `expand` an answer has `_id`, `id` and what
 * was asked for, and nothing else.
 */
export interface RepoReply {
  readonly _id: string;
  readonly id: string;
  readonly author?: string;
  readonly sha?: string;
  readonly private: boolean;
  /** Only there, and true, when the repository is archived; a word of this hub, which `expand` does not know. */
  readonly archived?: true;
  readonly createdAt?: string;
  readonly lastModified?: string;
  readonly tags?: readonly string[];
  readonly pipeline_tag?: string;
  readonly library_name?: string;
  readonly likes?: number;
  /** Of the last 30 days. */
  readonly downloads?: number;
  readonly usedStorage?: number;
  readonly siblings?: readonly { readonly rfilename: string }[];
  readonly [field: string]: unknown;
}

const createBody = z.object({
  name: z.string(),
  organization: z.string().nullish(),
  type: repoKind.nullish(),
  visibility: z.enum(['public', 'private', 'protected']).nullish(),
  // Not null, which a caller could take for either.
  private: z.boolean().optional(),
  license: z
    .string()
    .max(64)
    .regex(/^[a-z0-9.-]+$/i)
    .nullish(),
  sdk: z.enum(['gradio', 'streamlit', 'docker', 'static']).nullish(),
  files: z
    .array(z.object({ path: z.string(), content: z.string(), encoding: z.literal('base64') }))
    .max(100)
    .nullish(),
});
export type CreateRepoBody = z.infer<typeof createBody>;

export const createRepo = route({
  method: 'POST',
  path: '/api/repos/create',
  access: namespace('create-repos'),
  summary: 'Create a repository with its first commit.',
  query: ignored,
  body: jsonBody(createBody, { maxBytes: 8 * 1024 * 1024 }),
  answer: reply<{ readonly url: string; readonly id: string; readonly name: string }>(),
  errors: ['Conflict', 'InvalidName', 'ReservedName', 'Forbidden', 'PathCollision', 'LfsNotUploaded'],
});

export const deleteRepo = route({
  method: 'DELETE',
  path: '/api/repos/delete',
  access: signedIn('repo'),
  summary: 'Delete a repository.',
  query: ignored,
  body: jsonBody(
    z.object({
      name: z.string(),
      organization: z.string().nullish(),
      type: repoKind.nullish(),
      /** The page has people type `owner/name` before they delete for good; what they typed is checked here. */
      confirm: z.string().optional(),
    }),
  ),
  errors: ['RepoNotFound'],
});

const infoQuery = z.object({
  blobs: flag,
  files_metadata: flag,
  securityStatus: flag,
  full: flag,
  config: flag,
  cardData: flag,
  expand: list(64),
});
export type InfoQuery = z.infer<typeof infoQuery>;

export const repoInfo = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name',
  access: repo('read'),
  summary: 'What a repository is and holds, at its default branch.',
  query: infoQuery,
  body: noBody,
  answer: reply<RepoReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound'],
});

export const repoInfoAtRevision = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/revision/*',
  access: repo('read'),
  summary: 'What a repository is and holds, at a revision.',
  query: infoQuery,
  body: noBody,
  answer: reply<RepoReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound'],
});

/** The headers of safetensors files as they stand there, by file; `index` is left without its list of tensors. */
export const safetensorsMetadata = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/safetensors-metadata/*',
  access: repo('read'),
  summary: 'Headers of the files that a safetensors index of the default branch names.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound', 'EntryNotFound', 'TooManyItems'],
});

export const authCheck = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/auth-check',
  access: repo('read'),
  summary: 'Answers 200 to whoever may read the repository.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound'],
});

export const authCheckWrite = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/auth-check/write',
  access: repo('write'),
  summary: 'Answers 200 to whoever may write to the repository.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound', 'Forbidden'],
});

/** What clients ask of a repository by its address alone, by method. */
const SUBJECTS = {
  GET: [
    'auth-check',
    'commits',
    'leaderboard',
    'lfs-files',
    'likers',
    'refs',
    'revision',
    'safetensors-metadata',
    'tree',
    'treesize',
    'xet-read-token',
    'xet-write-token',
  ],
  POST: [
    'branch',
    'commit',
    'duplicate',
    'lfs-files',
    'like',
    'paths-info',
    'preupload',
    'super-squash',
    'tag',
  ],
  PUT: ['settings'],
  DELETE: ['branch', 'like', 'tag'],
} as const;

/**
 * Repositories without an owner, such as `gpt2`, exist on the large hub alone. Clients ask for them all the same and
 * must hear "no such repository" rather than "no such address".
 */
export const OWNERLESS_PATHS: readonly (readonly [Method, string])[] = [
  ['GET', '/api/:kind/:name'],
  ...(['GET', 'POST', 'PUT', 'DELETE'] as const).flatMap((method) =>
    SUBJECTS[method].map((subject) => [method, `/api/:kind/:name/${subject}/**`] as const),
  ),
  ['DELETE', '/api/buckets/:name'],
  ['GET', '/:prefix?/:name/resolve/*'],
  ['GET', '/:prefix?/:name/raw/*'],
];

export const ownerlessRepo = (method: Method, path: string) =>
  route({
    method,
    path,
    access: anyone('there are no such repositories here'),
    summary: 'A repository without an owner: there is none.',
    query: ignored,
    body: noBody,
    replies: [],
    errors: ['RepoNotFound'],
  });
