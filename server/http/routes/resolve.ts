import * as contract from '../../contract/contents.ts';
import { segmentOf } from '../../contract/shapes.ts';
import { entryNotFound, HubError, isHubError } from '../../domain/errors.ts';
import { shown } from '../../domain/names.ts';
import { repoFullName } from '../../domain/repo.ts';
import type { Granted } from '../../services/authorize.ts';
import type { Contents, FileEntry } from '../../services/contents.ts';
import type { DownloadRequest, Downloads } from '../../services/downloads.ts';
import type { LargeObjects } from '../../services/large-objects.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { downloadSignOf } from '../download-sign.ts';
import { errorReply } from '../errors.ts';
import { cacheControlOf, contentHeaders, fileReply } from '../files.ts';
import { linkedFileReply } from '../linked-file.ts';
import type { Reply } from '../reply.ts';
import type { HubRequest } from '../request.ts';
import { decodeRest, lookupPath } from './revision-path.ts';

/** The bytes of files: `resolve` follows large files, `raw` gives what git keeps. */
export function resolveRoutes(services: {
  readonly contents: Contents;
  readonly downloads: Downloads;
  readonly largeObjects: LargeObjects;
  readonly xetStoreId: string;
}): readonly Endpoint[] {
  const { contents, downloads, largeObjects } = services;

  interface Located {
    readonly commit: string;
    readonly entry: FileEntry;
    readonly headers: Record<string, string>;
  }

  async function locate(
    granted: Granted<'read'>,
    request: HubRequest,
    rest: readonly string[],
    asDownload: boolean,
  ): Promise<Located | Reply> {
    const { revision, path } = await contents.locate(granted.repo, decodeRest(rest));
    try {
      const entry = await contents.file(granted, revision.commit, lookupPath(path));
      const headers = {
        ...contentHeaders(path, asDownload),
        'x-repo-commit': revision.commit,
        'cache-control': cacheControlOf(granted.repo, revision.text),
      };
      return { commit: revision.commit, entry, headers };
    } catch (error) {
      // The commit must be told with a missing file too: clients remember that it is not there (contract 2.1).
      if (!isHubError(error, 'EntryNotFound')) throw error;
      const context = {
        requestId: request.id,
        isAnonymous: granted.actor.kind === 'anonymous',
        form: 'hub',
      } as const;
      const reply = errorReply(entryNotFound(shown(path)), context);
      return { ...reply, headers: { ...reply.headers, 'x-repo-commit': revision.commit } };
    }
  }

  async function largeReply(granted: Granted<'read'>, request: HubRequest, located: Located): Promise<Reply> {
    const { large, sizeBytes } = located.entry;
    if (!large) throw new HubError('Internal', 'This file is not a large object.');
    const { sha256, xetHash } = large;
    const { repo } = granted;
    const file = {
      ...{ sha256, sizeBytes, xetHash },
      tokenPath: `/api/${segmentOf(repo.kind)}/${repoFullName(repo)}/xet-read-token/${located.commit}`,
      open: (range: Parameters<LargeObjects['open']>[2]) => largeObjects.open(granted, sha256, range),
    };
    return linkedFileReply(request, file, located.headers, services.xetStoreId);
  }

  /** A blob is small, so a range of it is cut from the whole. */
  const blobReply = (
    granted: Granted<'read'>,
    request: HubRequest,
    located: Located,
    sizeBytes: number,
  ): Promise<Reply> =>
    fileReply(
      request,
      {
        sizeBytes,
        etag: located.entry.oid,
        open: async (range) => {
          const bytes = await contents.blob(granted, located.entry.oid);
          if (!range) return bytes;
          if (bytes instanceof Uint8Array) return bytes.subarray(range.start, range.end);
          return cut(bytes, range.start, range.end);
        },
      },
      located.headers,
    );

  async function resolveReply(
    granted: Granted<'read'>,
    request: HubRequest,
    rest: readonly string[],
    asDownload: boolean,
  ): Promise<Reply> {
    const located = await locate(granted, request, rest, asDownload);
    if ('status' in located) return located;
    const { large, path, sizeBytes } = located.entry;
    const reply = await (large
      ? largeReply(granted, request, located)
      : blobReply(granted, request, located, sizeBytes));
    const sign = downloadSignOf(request, reply, { path, isXet: large?.xetHash !== undefined });
    if (sign) downloads.note(downloadRequest(granted, request), sign);
    return reply;
  }

  return [
    serve(contract.resolve, ({ granted, request, rest, query }) =>
      resolveReply(granted, request, rest, query.download === true),
    ),

    serve(contract.resolveCache, ({ granted, request, rest, query }) =>
      resolveReply(granted, request, rest, query.download === true),
    ),

    serve(contract.raw, async ({ granted, request, rest, query }) => {
      const located = await locate(granted, request, rest, query.download === true);
      if ('status' in located) return located;
      const { large, sizeBytes } = located.entry;
      return blobReply(granted, request, located, large ? large.pointerBytes : sizeBytes);
    }),
  ];
}

const downloadRequest = ({ repo, actor }: Granted<'read'>, request: HubRequest): DownloadRequest => ({
  repositoryId: repo.id,
  user: actor.kind === 'user' ? actor.user.id : undefined,
  address: request.remoteAddress,
});

async function* cut(
  bytes: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of bytes) {
    const from = Math.max(0, start - at);
    const to = Math.min(chunk.byteLength, end - at);
    if (from < to) yield chunk.subarray(from, to);
    at += chunk.byteLength;
    if (at >= end) return;
  }
}
