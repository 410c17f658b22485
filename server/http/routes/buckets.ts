import * as contract from '../../contract/buckets.ts';
import { segmentOf, timestamp } from '../../contract/shapes.ts';
import type { Actor } from '../../domain/access.ts';
import { corruptObject, HubError, signInRequired } from '../../domain/errors.ts';
import { parseNamespaceName, parsePath } from '../../domain/names.ts';
import { repoFullName } from '../../domain/repo.ts';
import type { Bucket, BucketEntry, BucketFile, Buckets } from '../../services/buckets.ts';
import type { LargeObjects } from '../../services/large-objects.ts';
import type { RepoSettings } from '../../services/repo-settings.ts';
import type { Repositories } from '../../services/repositories.ts';
import type { Xet } from '../../services/xet.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { refuseEncoding } from '../body.ts';
import { nextLink, readCursor, writeCursor } from '../cursors.ts';
import { cacheControlOf, contentHeaders } from '../files.ts';
import { linkedFileReply } from '../linked-file.ts';
import { empty, json } from '../reply.ts';
import { bodyOf } from '../request.ts';
import { repoUrl } from '../shapes.ts';
import { pageReply } from './keyset-page.ts';
import { withAddress } from './lifecycle.ts';
import { visibilityOf } from './repo-body.ts';
import { decodeName } from './revision-path.ts';
import { tokenReply } from './xet.ts';

/** Stands for the caller where clients name an owner. */
const ME = 'me';

/** Any path: a cursor says from which one on. */
const PLACE = /^([^]+)$/;

/** Buckets: files without revisions (contract 1.4). They are moved by the call that moves repositories. */
export function bucketRoutes(services: {
  readonly buckets: Buckets;
  readonly repositories: Repositories;
  readonly repoSettings: RepoSettings;
  readonly largeObjects: LargeObjects;
  readonly xet: Xet;
  readonly xetStoreId: string;
}): readonly Endpoint[] {
  const { buckets, repositories, repoSettings, largeObjects, xet } = services;
  return [
    serve(contract.createBucket, async ({ actor, params, body, request }) => {
      const owner = ownerOf(actor, params['namespace'] ?? '');
      const wish = { owner, name: params['name'] ?? '', visibility: visibilityOf(body) };
      try {
        const repo = await buckets.create(actor, wish);
        const name = repoFullName(repo);
        return json({ url: repoUrl(request.origin, repo), id: name, name });
      } catch (error) {
        throw withAddress(error, 'bucket', request.origin);
      }
    }),

    serve(contract.bucketInfo, async ({ granted }) => json(bucketShape(await buckets.describe(granted)))),

    serve(contract.deleteBucket, async ({ granted }) => {
      await repositories.delete(granted);
      return empty(200);
    }),

    serve(contract.listBuckets, async ({ actor, params, query, request }) => {
      const asked = params['namespace'] ?? '';
      const owner = asked === ME ? callerOf(actor).name : asked;
      const { search } = query;
      return pageReply(request, query, {
        name: JSON.stringify(['buckets', owner, search ?? '']),
        rows: (before, limit) => buckets.list(actor, { owner, search, before, limit }),
        keyOf: ({ repo }) => repo.id,
        shapeOf: bucketShape,
        usualLimit: contract.BUCKET_PAGE.buckets,
      });
    }),

    serve(contract.bucketSettings, async ({ granted, body }) => {
      const visibility = visibilityOf(body);
      if (visibility === undefined) throw new HubError('InvalidBody', 'Send "private" or "visibility".');
      const repo = await repoSettings.change(granted, { visibility });
      return json({ visibility: repo.visibility, private: repo.visibility === 'private' });
    }),

    serve(contract.bucketTree, async ({ granted, rest, query, request }) => {
      const prefix = decodeName(rest);
      // A folder may be written with a slash behind it.
      if (prefix !== '') parsePath(prefix.replace(/\/$/, ''));
      const isRecursive = query.recursive ?? true;
      const listing = JSON.stringify(['bucket', granted.repo.publicId, prefix, isRecursive]);
      const from = query.cursor === undefined ? undefined : readCursor(listing, query.cursor, PLACE)[0];
      const limit = query.limit ?? contract.BUCKET_PAGE.files;
      const { entries, next } = await buckets.tree(granted, { prefix, isRecursive, from, limit });
      const link = next === undefined ? undefined : nextLink(request, writeCursor(listing, next));
      return json(entries.map(entryShape), 200, link);
    }),

    serve(contract.bucketPaths, async ({ granted, body }) => {
      if (body.paths.length > contract.MAX_BUCKET_PATHS) {
        throw new HubError('TooManyItems', `Ask for at most ${contract.MAX_BUCKET_PATHS} paths at a time.`);
      }
      const files = await buckets.files(granted, body.paths.filter(isLookupPath));
      return json(files.map(fileShape));
    }),

    serve(contract.bucketBatch, async ({ granted, request }) => {
      refuseEncoding(request);
      const { processed, failed } = await buckets.batch(granted, bodyOf(request), contract.MAX_BUCKET_LINES);
      const success = failed.length === 0;
      const answer = { success, processed, succeeded: processed - failed.length, failed };
      return json(answer, success ? 200 : 422);
    }),

    serve(contract.bucketReadToken, ({ granted, request }) =>
      tokenReply(request, xet, xet.readToken(granted)),
    ),
    serve(contract.bucketWriteToken, ({ granted, request }) =>
      tokenReply(request, xet, xet.writeToken(granted)),
    ),

    serve(contract.bucketFile, async ({ granted, rest, query, request }) => {
      const { repo } = granted;
      const { path, object } = await buckets.file(granted, parsePath(decodeName(rest)));
      const { sha256, sizeBytes, xetHash } = object;
      const file = {
        ...{ sha256, sizeBytes, xetHash },
        tokenPath: `/api/${segmentOf(repo.kind)}/${repoFullName(repo)}/xet-read-token`,
        open: (range: Parameters<LargeObjects['open']>[2]) => largeObjects.open(granted, sha256, range),
      };
      const headers = {
        ...contentHeaders(path, query.download === true),
        // There is no revision by which an answer could be kept.
        'cache-control': cacheControlOf(repo, ''),
      };
      return linkedFileReply(request, file, headers, services.xetStoreId);
    }),
  ];
}

function callerOf(actor: Actor): { readonly name: string } {
  if (actor.kind !== 'user') throw signInRequired();
  return actor.user;
}

const ownerOf = (actor: Actor, asked: string): string =>
  asked === ME ? callerOf(actor).name : parseNamespaceName(asked);

/** Nothing is at a path that could not be written, and it is left out like any other. */
function isLookupPath(path: string): boolean {
  return path.isWellFormed() && !path.includes('\0');
}

const bucketShape = ({ repo, fileCount, sizeBytes }: Bucket): contract.BucketReply => ({
  id: repoFullName(repo),
  private: repo.visibility === 'private',
  createdAt: timestamp(repo.createdAt),
  updatedAt: timestamp(repo.updatedAt),
  size: sizeBytes,
  totalFiles: fileCount,
});

const entryShape = (entry: BucketEntry): contract.BucketFileReply | contract.BucketFolderReply =>
  entry.kind === 'file'
    ? fileShape(entry)
    : { type: 'directory', path: entry.path, uploadedAt: timestamp(entry.uploadedAt) };

function fileShape({
  path,
  object,
  modifiedAt,
  contentType,
  uploadedAt,
}: BucketFile): contract.BucketFileReply {
  if (object.xetHash === undefined) throw corruptObject(`large object ${object.sha256} of a bucket`);
  return {
    type: 'file',
    path,
    size: object.sizeBytes,
    xetHash: object.xetHash,
    ...(modifiedAt === undefined ? {} : { mtime: timestamp(modifiedAt) }),
    uploadedAt: timestamp(uploadedAt),
    ...(contentType === undefined ? {} : { contentType }),
  };
}
