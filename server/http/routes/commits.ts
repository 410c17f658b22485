import * as contract from '../../contract/commits.ts';
import { HubError } from '../../domain/errors.ts';
import { isSha256, type Sha256 } from '../../domain/ids.ts';
import type { Commits } from '../../services/commits.ts';
import type { Contents } from '../../services/contents.ts';
import { planUpload } from '../../services/preupload.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { refuseEncoding } from '../body.ts';
import { json } from '../reply.ts';
import { bodyOf } from '../request.ts';
import { repoUrl } from '../shapes.ts';
import { decodeName, writableBranch } from './revision-path.ts';

const isAsked = (value: string | undefined): boolean => value === '1' || value === 'true' || value === 'True';

function refusePullRequests(createPr: string | undefined): void {
  if (isAsked(createPr)) throw new HubError('NotSupported', 'This hub does not offer pull requests yet.');
}

function parseSha256(text: string | undefined): Sha256 | undefined {
  if (text !== undefined && !isSha256(text)) {
    throw new HubError('InvalidOid', 'A SHA-256 has 64 hex digits in lower case.');
  }
  return text;
}

/** The two calls of every upload: how files are to be sent, and the commit itself. */
export function commitRoutes(services: {
  readonly commits: Commits;
  readonly contents: Contents;
  readonly maxInlineBytes: number;
}): readonly Endpoint[] {
  const { commits, contents, maxInlineBytes } = services;
  return [
    serve(contract.preupload, async ({ granted, rest, query, body }) => {
      refusePullRequests(query.create_pr);
      if (body.files.length > contract.MAX_PREUPLOAD_FILES) {
        throw new HubError(
          'TooManyItems',
          `Announce at most ${contract.MAX_PREUPLOAD_FILES} files at a time.`,
        );
      }
      const { commit } = await contents.resolve(granted.repo, decodeName(rest));
      const modes = await planUpload({ contents, maxInlineBytes }, granted, commit, {
        files: body.files.map(({ path, size, sample, sha256 }) => ({
          path,
          sizeBytes: size,
          sample: sample ?? undefined,
          sha256: parseSha256(sha256 ?? undefined),
        })),
        gitAttributes: body.gitAttributes ?? undefined,
        gitIgnore: body.gitIgnore ?? undefined,
      });
      return json({
        files: modes.map(({ path, mode, isIgnored, current }) => ({
          path,
          uploadMode: mode,
          shouldIgnore: isIgnored,
          oid: current ?? null,
        })),
        commitOid: commit,
      });
    }),

    serve(contract.commit, async ({ granted, rest, query, request }) => {
      refusePullRequests(query.create_pr);
      refuseEncoding(request);
      const branch = await writableBranch(contents, granted.repo, rest);
      const answer = await commits.commit(granted, branch, bodyOf(request));
      return json({
        success: true,
        commitOid: answer.commit,
        commitUrl: `${repoUrl(request.origin, granted.repo)}/commit/${answer.commit}`,
        hookOutput: '',
      });
    }),
  ];
}
