import * as contract from '../../contract/archives.ts';
import { HubError } from '../../domain/errors.ts';
import type { Archives } from '../../services/archives.ts';
import type { Contents } from '../../services/contents.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { cacheControlOf, CONTENT_POLICY, dispositionName, isNotModified } from '../files.ts';
import { decodeName } from './revision-path.ts';

/** A revision as one file. */
export function archiveRoutes(services: {
  readonly contents: Contents;
  readonly archives: Archives;
}): readonly Endpoint[] {
  const { contents, archives } = services;
  return [
    serve(contract.archive, async ({ granted, rest, request }) => {
      const { revision, form } = splitForm(decodeName(rest));
      const { repo } = granted;
      const { commit } = await contents.resolve(repo, revision);
      const folder = `${repo.name}-${commit.slice(0, 7)}`;
      const etag = `"${commit}.${form}"`;
      const headers = {
        etag,
        'x-repo-commit': commit,
        'cache-control': cacheControlOf(repo, revision),
        'content-security-policy': CONTENT_POLICY,
        'content-disposition': `attachment; ${dispositionName(`${folder}.${form}`)}`,
      };
      if (isNotModified(request, etag)) return { status: 304, headers };
      const { mediaType, sizeBytes, open } = await archives.archive(granted, commit, { form, folder });
      const size = sizeBytes === undefined ? {} : { sizeBytes };
      return {
        status: 200,
        headers: { ...headers, 'content-type': mediaType },
        body:
          request.method === 'HEAD'
            ? { kind: 'omitted', ...size }
            : { kind: 'bytes', bytes: open(), ...size },
      };
    }),
  ];
}

function splitForm(name: string): { readonly revision: string; readonly form: 'zip' | 'tar' } {
  const [, revision, form] = /^(.+)\.(zip|tar)$/s.exec(name) ?? [];
  if (revision === undefined || form === undefined) {
    throw new HubError(
      'InvalidParameter',
      'An archive is asked for as "{revision}.zip" or "{revision}.tar".',
    );
  }
  return { revision, form: form === 'zip' ? 'zip' : 'tar' };
}
