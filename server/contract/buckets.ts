import { z } from 'zod';
import { flag, ignored, integer, text } from './query.ts';
import { anyone, bucket, jsonBody, namespace, noBody, reply, route, streamBody } from './route.ts';
import { visibility } from './shapes.ts';

export const MAX_BUCKET_PATHS = 1000;
/** Changes of one batch. The clients send a thousand. */
export const MAX_BUCKET_LINES = 5000;
export const BUCKET_PAGE = { buckets: 100, files: 1000 } as const;

export interface BucketReply {
  readonly id: string;
  readonly private: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Bytes of all files. */
  readonly size: number;
  readonly totalFiles: number;
}

export interface BucketFileReply {
  readonly type: 'file';
  readonly path: string;
  readonly size: number;
  readonly xetHash: string;
  readonly mtime?: string;
  readonly uploadedAt: string;
  readonly contentType?: string;
}

export interface BucketFolderReply {
  readonly type: 'directory';
  readonly path: string;
  readonly uploadedAt: string;
}

const who = z.object({ visibility: visibility.nullish(), private: z.boolean().nullish() });

/** The owner `me` is the caller. A resource group and a region are passed over: there are none here. */
export const createBucket = route({
  method: 'POST',
  path: '/api/buckets/:namespace/:name',
  access: namespace('create-repos'),
  summary: 'Create a bucket: files without revisions.',
  query: ignored,
  body: jsonBody(who),
  answer: reply<{ readonly url: string; readonly id: string; readonly name: string }>(),
  errors: ['InvalidName', 'ReservedName', 'Forbidden', 'Conflict'],
});

export const bucketInfo = route({
  method: 'GET',
  path: '/api/buckets/:namespace/:name',
  access: bucket('read'),
  summary: 'How much is in a bucket, and who sees it.',
  query: ignored,
  body: noBody,
  answer: reply<BucketReply>(),
  errors: ['RepoNotFound'],
});

export const deleteBucket = route({
  method: 'DELETE',
  path: '/api/buckets/:namespace/:name',
  access: { ...bucket('administer'), ownName: true },
  summary: 'Delete a bucket with everything in it.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound', 'Forbidden'],
});

export const listBuckets = route({
  method: 'GET',
  path: '/api/buckets/:namespace',
  access: anyone('lists show what the caller may read'),
  summary: 'The buckets of a user or an organization, newest first, a page at a time.',
  query: z.object({ search: text(256), limit: integer(1, 1000), cursor: text(512) }),
  body: noBody,
  answer: reply<readonly BucketReply[]>(),
  errors: ['SignInRequired', 'InvalidCursor', 'NotFound'],
});

export const bucketSettings = route({
  method: 'PUT',
  path: '/api/buckets/:namespace/:name/settings',
  access: bucket('settings'),
  summary: 'Change who sees a bucket.',
  query: ignored,
  body: jsonBody(who),
  answer: reply<{ readonly visibility: 'public' | 'private'; readonly private: boolean }>(),
  errors: ['RepoNotFound', 'Forbidden'],
});

/**
 * Everything below a prefix that is one of texts, as on the large hub; with `recursive=false` the prefix is a folder or a
 * file, and folders are listed by themselves.
 */
export const bucketTree = route({
  method: 'GET',
  path: '/api/buckets/:namespace/:name/tree/**',
  access: bucket('read'),
  summary: 'Files and folders of a bucket below a prefix, a page at a time.',
  query: z.object({ recursive: flag, limit: integer(1, 10_000), cursor: text(16_384) }),
  body: noBody,
  answer: reply<readonly (BucketFileReply | BucketFolderReply)[]>(),
  errors: ['RepoNotFound', 'InvalidPath', 'InvalidCursor'],
});

export const bucketPaths = route({
  method: 'POST',
  path: '/api/buckets/:namespace/:name/paths-info',
  access: bucket('read'),
  summary: 'The files at the given paths; those that do not exist are left out.',
  query: ignored,
  body: jsonBody(z.object({ paths: z.array(z.string()) }), { maxBytes: 8 * 1024 * 1024 }),
  answer: reply<readonly BucketFileReply[]>(),
  errors: ['RepoNotFound', 'TooManyItems'],
});

export interface BucketBatchReply {
  readonly success: boolean;
  readonly processed: number;
  readonly succeeded: number;
  readonly failed: readonly { readonly path: string; readonly error: string }[];
}

export const bucketBatch = route({
  method: 'POST',
  path: '/api/buckets/:namespace/:name/batch',
  access: bucket('write'),
  summary: 'Add, copy and delete files, each a line of NDJSON; 422 tells which of them failed.',
  query: ignored,
  body: streamBody(['application/x-ndjson']),
  answer: reply<BucketBatchReply>(),
  replies: [200, 422],
  errors: ['RepoNotFound', 'Forbidden', 'InvalidPath', 'ReservedName', 'TooManyItems', 'BodyTooLarge'],
});

export const bucketReadToken = route({
  method: 'GET',
  path: '/api/buckets/:namespace/:name/xet-read-token',
  access: bucket('read'),
  summary: 'A token to fetch Xet files of the bucket.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound'],
});

export const bucketWriteToken = route({
  method: 'GET',
  path: '/api/buckets/:namespace/:name/xet-write-token',
  access: bucket('write'),
  summary: 'A token to store Xet files of the bucket.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound', 'Forbidden'],
});

export const bucketFile = route({
  method: 'GET',
  path: '/buckets/:namespace/:name/resolve/*',
  access: bucket('read'),
  summary: 'The bytes of a file of a bucket.',
  query: z.object({ download: flag }),
  body: noBody,
  replies: [200, 206, 304],
  errors: ['RepoNotFound', 'EntryNotFound', 'InvalidPath', 'BadRange'],
});
