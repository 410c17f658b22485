import * as contract from '../../contract/lfs-files.ts';
import { HubError, repoNotFound, signInRequired } from '../../domain/errors.ts';
import { isSha256, isXetHash, type Sha256 } from '../../domain/ids.ts';
import type { Authorize } from '../../services/authorize.ts';
import type { LfsFile, LfsFiles } from '../../services/lfs-files.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { json } from '../reply.ts';
import { pageReply } from './keyset-page.ts';

/** The large files of a repository: list, remove for good, copy to another one (contract 1.4). */
export function lfsFileRoutes(services: {
  readonly authorize: Authorize;
  readonly lfsFiles: LfsFiles;
}): readonly Endpoint[] {
  const { authorize, lfsFiles } = services;
  return [
    serve(contract.listLfsFiles, ({ granted, query, request }) =>
      pageReply(request, query, {
        name: `large files ${granted.repo.publicId}`,
        rows: (after, limit) => lfsFiles.list(granted, after ?? 0, limit),
        keyOf: ({ id }) => id,
        shapeOf: fileShape,
        usualLimit: contract.LFS_FILES_PAGE,
      }),
    ),

    serve(contract.removeLfsFiles, async ({ granted, body }) => {
      const { sha, rewriteHistory } = body.deletions;
      refuseMany(sha.length);
      const options = { rewriteHistory: rewriteHistory ?? false };
      await lfsFiles.remove(granted, [...new Set(sha.map(parseSha256))], options);
      return json({ success: true });
    }),

    serve(contract.copyLfsFiles, async ({ granted, body, actor }) => {
      if (actor.kind === 'anonymous') throw signInRequired();
      refuseMany(body.files.length);
      const files = body.files.map(({ sha256, xetHash }) => ({
        sha256: parseSha256(sha256),
        xetHash: parseXetHash(xetHash ?? undefined),
      }));
      const [owner, name, ...more] = body.target.name.split('/');
      if (owner === undefined || name === undefined || more.length > 0) throw repoNotFound();
      const target = await authorize.repo(actor, { kind: body.target.type, owner, name }, 'write');
      const failed = await lfsFiles.copy(granted, target.granted, files);
      return json({ failed: failed.map(({ sha256, problem }) => ({ sha256, error: problem })) });
    }),
  ];
}

const fileShape = (file: LfsFile): contract.LfsFileReply => ({
  fileOid: file.sha256,
  filename: file.path,
  oid: file.sha256,
  pushedAt: new Date(file.linkedAt).toISOString(),
  ...(file.ref === undefined ? {} : { ref: file.ref }),
  size: file.sizeBytes,
  ...(file.xetHash === undefined ? {} : { xetHash: file.xetHash }),
  ...(file.pusher === undefined ? {} : { pusher: { name: file.pusher } }),
});

function refuseMany(count: number): void {
  if (count > contract.MAX_LFS_FILES) {
    throw new HubError('TooManyItems', `Name at most ${contract.MAX_LFS_FILES} files at a time.`);
  }
}

function parseSha256(text: string): Sha256 {
  if (!isSha256(text)) throw new HubError('InvalidOid', 'A file is named by its SHA-256 in lower-case hex.');
  return text;
}

function parseXetHash(text: string | undefined) {
  if (text !== undefined && !isXetHash(text)) {
    throw new HubError('InvalidOid', 'A Xet hash has 64 lower-case hex digits.');
  }
  return text;
}
