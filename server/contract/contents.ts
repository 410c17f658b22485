import { z } from 'zod';
import { flag, ignored, integer, list, text } from './query.ts';
import { anyone, jsonBody, noBody, repo, reply, route } from './route.ts';

export const MAX_PATHS_INFO = 1000;
/** Page sizes of the large hub: 1,000 plain entries, 100 with last commits. */
export const TREE_PAGE = { plain: 1000, expanded: 1000 } as const;

export interface CommitLineReply {
  readonly id: string;
  readonly title: string;
  readonly date: string;
}

/** An entry of `tree` and `paths-info` (contract 4.2). Of a large file, `oid` is that of its pointer. */
export type EntryReply =
  | {
      readonly type: 'directory';
      readonly oid: string;
      readonly size: number;
      readonly path: string;
      readonly lastCommit?: CommitLineReply;
    }
  | {
      readonly type: 'file';
      readonly oid: string;
      readonly size: number;
      readonly path: string;
      readonly lfs?: { readonly oid: string; readonly size: number; readonly pointerSize: number };
      readonly xetHash?: string;
      readonly lastCommit?: CommitLineReply;
      /** Files are not scanned here; clients ask for the field with `expand`. */
      readonly securityFileStatus?: null;
    };

export interface RefReply {
  readonly name: string;
  readonly ref: string;
  readonly targetCommit: string;
}

export interface RefsReply {
  readonly branches: readonly RefReply[];
  readonly tags: readonly RefReply[];
  readonly converts: readonly RefReply[];
  readonly pullRequests?: readonly RefReply[];
}

export interface CommitReply {
  readonly id: string;
  readonly title: string;
  readonly message: string;
  readonly date: string;
  readonly authors: readonly { readonly user: string }[];
  readonly parents: readonly string[];
  readonly formatted?: { readonly title: string; readonly message: string };
}

/** One commit: what the Hub's list says of it, with the further names of other hubs. */
export interface OneCommitReply extends CommitReply {
  readonly oid: string;
  readonly author: string;
  readonly description: string;
  readonly committed_at: string;
}

const treeQuery = z.object({
  recursive: flag,
  expand: flag,
  limit: integer(1, 10_000),
  cursor: text(16_384),
});

export const tree = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/tree/*',
  access: repo('read'),
  summary: 'Files and folders below a path at a revision, a page at a time.',
  query: treeQuery,
  body: noBody,
  answer: reply<readonly EntryReply[]>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'EntryNotFound', 'InvalidCursor'],
});

export const pathsInfo = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/paths-info/*',
  access: repo('read'),
  summary: 'The entries at the given paths; those that do not exist are left out.',
  query: ignored,
  body: {
    kind: 'form-or-json' as const,
    schema: z.object({
      paths: z.union([z.string().transform((path) => [path]), z.array(z.string())]).default([]),
      expand: z
        .union([
          z.boolean(),
          z.enum(['true', 'True', '1']).transform(() => true),
          z.enum(['false', 'False', '0']).transform(() => false),
        ])
        .default(false),
    }),
    maxBytes: 8 * 1024 * 1024,
  },
  answer: reply<readonly EntryReply[]>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'TooManyItems'],
});

export const refs = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/refs',
  access: repo('read'),
  summary: 'Branches, tags and converted refs.',
  query: z.object({ include_prs: flag }),
  body: noBody,
  answer: reply<RefsReply>(),
  errors: ['RepoNotFound'],
});

export const commits = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/commits/*',
  access: repo('read'),
  summary: 'Commits reachable from a revision, newest first.',
  query: z.object({
    limit: integer(1, 1000),
    p: integer(0, 1_000_000),
    /** Id of a commit: the page begins behind it. */
    after: text(40),
    expand: list(8),
  }),
  body: noBody,
  answer: reply<readonly CommitReply[]>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'InvalidCursor'],
});

export const oneCommit = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/commit/*',
  access: repo('read'),
  summary: 'One commit.',
  query: z.object({ expand: list(8) }),
  body: noBody,
  answer: reply<OneCommitReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound'],
});

export const treeSize = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/treesize/*',
  access: repo('read'),
  summary: 'Bytes of all files below a path at a revision, large files in full.',
  query: ignored,
  body: noBody,
  answer: reply<{ readonly path: string; readonly size: number }>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'EntryNotFound'],
});

const branchStart = z.object({
  startingPoint: z.string().min(1).max(1024).nullish(),
  /** One commit without files, and without the history of another branch. */
  emptyBranch: z.boolean().nullish(),
  overwrite: z.boolean().nullish(),
});

export const createBranch = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/branch/*',
  access: repo('write'),
  summary: 'Create a branch at a revision, by default at the head of the default branch.',
  query: ignored,
  body: jsonBody(branchStart.optional()),
  errors: ['RepoNotFound', 'RevisionNotFound', 'Conflict', 'InvalidRevision', 'ReservedName'],
});

export const deleteBranch = route({
  method: 'DELETE',
  path: '/api/:kind/:namespace/:name/branch/*',
  access: repo('write'),
  summary: 'Delete a branch other than the default one.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound', 'RevisionNotFound', 'Forbidden'],
});

export const createTag = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/tag/*',
  access: repo('write'),
  summary: 'Tag a revision; with a message the tag is annotated.',
  query: ignored,
  body: jsonBody(
    z.object({
      tag: z.string(),
      message: z
        .string()
        .max(64 * 1024)
        .nullish(),
    }),
  ),
  errors: ['RepoNotFound', 'RevisionNotFound', 'Conflict', 'InvalidRevision', 'ReservedName'],
});

export const deleteTag = route({
  method: 'DELETE',
  path: '/api/:kind/:namespace/:name/tag/*',
  access: repo('write'),
  summary: 'Delete a tag.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound', 'RevisionNotFound'],
});

/** Bytes of a file. GET and HEAD answer with the same headers (contract 2.1). */
export const resolve = route({
  method: 'GET',
  path: '/:prefix?/:namespace/:name/resolve/*',
  access: repo('read'),
  summary: 'The bytes of a file at a revision, large files included.',
  query: z.object({ download: flag }),
  body: noBody,
  // A missing file is a reply too, since it tells the commit that does not have it.
  replies: [200, 206, 304, 404],
  errors: ['RepoNotFound', 'RevisionNotFound', 'EntryNotFound', 'BadRange'],
});

/** What `resolve` answers, under the address to which the large hub redirects; it never redirects itself. */
export const resolveCache = route({
  method: 'GET',
  path: '/api/resolve-cache/:kind/:namespace/:name/*',
  access: repo('read'),
  summary: 'The bytes of a file at a commit, as `resolve` gives them.',
  query: z.object({ download: flag }),
  body: noBody,
  replies: [200, 206, 304, 404],
  errors: ['RepoNotFound', 'RevisionNotFound', 'EntryNotFound', 'BadRange'],
});

export const raw = route({
  method: 'GET',
  path: '/:prefix?/:namespace/:name/raw/*',
  access: repo('read'),
  summary: 'The bytes of a file as git keeps it: for a large file its pointer.',
  query: z.object({ download: flag }),
  body: noBody,
  // A missing file is a reply too, since it tells the commit that does not have it.
  replies: [200, 206, 304, 404],
  errors: ['RepoNotFound', 'RevisionNotFound', 'EntryNotFound', 'BadRange'],
});

export const validateYaml = route({
  method: 'POST',
  path: '/api/validate-yaml',
  access: anyone('checks only the text that is sent'),
  summary: 'Check the metadata block of a card.',
  query: ignored,
  body: jsonBody(z.object({ content: z.string(), repoType: z.string().max(32).nullish() }), {
    maxBytes: 16 * 1024 * 1024,
  }),
  replies: [200, 400],
  errors: ['TooManyRequests'],
});
