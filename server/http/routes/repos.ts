import * as contract from '../../contract/repos.ts';
import { HubError, repoNotFound } from '../../domain/errors.ts';
import { parseNamespaceName } from '../../domain/names.ts';
import { branchRef } from '../../domain/revision.ts';
import type { Authorize, Granted } from '../../services/authorize.ts';
import type { Contents } from '../../services/contents.ts';
import type { RepoInfo } from '../../services/repo-info.ts';
import type { Repositories } from '../../services/repositories.ts';
import type { SafetensorsMetadata } from '../../services/safetensors-metadata.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { checkExpand, infoShape, NOT_SCANNED, usualInfoFields } from '../info-shape.ts';
import { empty, json } from '../reply.ts';
import { repoUrl } from '../shapes.ts';
import { gitKindOf, repoFullName } from '../../domain/repo.ts';
import { withAddress } from './lifecycle.ts';
import { visibilityOf } from './repo-body.ts';
import { decodeName, decodeRest, lookupPath } from './revision-path.ts';

/** Repositories: create, delete, settings and info. */
export function repoRoutes(services: {
  readonly authorize: Authorize;
  readonly repositories: Repositories;
  readonly contents: Contents;
  readonly info: RepoInfo;
  readonly safetensorsMetadata: SafetensorsMetadata;
}): readonly Endpoint[] {
  const { authorize, repositories, contents, info, safetensorsMetadata: headers } = services;

  const infoReply = async (
    granted: Granted<'read'>,
    revision: string | undefined,
    query: contract.InfoQuery,
  ) => {
    const { repo } = granted;
    const kind = gitKindOf(repo);
    checkExpand(kind, query.expand);
    const { commit } = await contents.resolve(repo, revision ?? branchRef(repo.defaultBranch));
    const shape = await infoShape(info, info.subject(granted, commit), {
      expand: query.expand.length > 0 ? new Set(query.expand) : undefined,
      usual: usualInfoFields(kind),
      withBlobs: query.blobs === true || query.files_metadata === true,
    });
    return json(query.securityStatus === true ? { ...shape, securityRepoStatus: NOT_SCANNED } : shape);
  };

  return [
    serve(contract.createRepo, async ({ actor, body, request }) => {
      const wish = {
        kind: body.type ?? 'model',
        ...ownerAndName(body, actor.user.name),
        visibility: visibilityOf(body),
        license: body.license ?? undefined,
        sdk: body.sdk ?? undefined,
        files: body.files ?? [],
      } as const;
      try {
        const repo = await repositories.create(actor, wish);
        return json({ url: repoUrl(request.origin, repo), id: repo.publicId, name: repoFullName(repo) });
      } catch (error) {
        throw withAddress(error, wish.kind, request.origin);
      }
    }),

    serve(contract.deleteRepo, async ({ actor, body }) => {
      const { owner, name } = ownerAndName(body, actor.user.name);
      const found = await authorize.repo(actor, { kind: body.type ?? 'model', owner, name }, 'administer');
      // What is deleted for good must be called by its own name, not by one it had before.
      if (found.isRedirect) throw repoNotFound();
      const fullName = repoFullName(found.granted.repo);
      if (body.confirm !== undefined && body.confirm !== fullName) {
        throw new HubError('InvalidBody', `To confirm, send "${fullName}".`);
      }
      await repositories.delete(found.granted);
      return empty(200);
    }),

    serve(contract.repoInfo, ({ granted, query }) => infoReply(granted, undefined, query)),

    serve(contract.repoInfoAtRevision, ({ granted, query, rest }) =>
      infoReply(granted, decodeName(rest), query),
    ),

    serve(contract.safetensorsMetadata, async ({ granted, rest }) => {
      const bytes = await headers.whole(granted, lookupPath(decodeRest(rest).join('/')));
      return {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: { kind: 'bytes', bytes, sizeBytes: bytes.byteLength },
      };
    }),

    serve(contract.authCheck, () => empty(200)),
    serve(contract.authCheckWrite, () => empty(200)),
  ];
}

/**
 * Answers for repositories without an owner. They belong behind every other route: `/a/resolve/resolve/main/x` is a
 * file of the repository `a/resolve`.
 */
export const ownerlessRoutes = (): readonly Endpoint[] =>
  contract.OWNERLESS_PATHS.map(([method, path]) =>
    serve(contract.ownerlessRepo(method, path), () => {
      throw repoNotFound();
    }),
  );

/**
 * Clients send `name` with `organization`, and some send `owner/name` as the name. Throws InvalidName and ReservedName
 * for an owner that cannot be.
 */
function ownerAndName(
  body: { readonly name: string; readonly organization?: string | null | undefined },
  caller: string,
): { readonly owner: string; readonly name: string } {
  const [first = '', second, ...others] = body.name.split('/');
  if (others.length > 0) throw new HubError('InvalidName', 'A repository name has at most one slash.');
  const { organization } = body;
  if (second === undefined) {
    const owner = typeof organization === 'string' ? parseNamespaceName(organization) : caller;
    return { owner, name: first };
  }
  if (typeof organization === 'string' && organization !== first) {
    throw new HubError('InvalidName', 'The name and "organization" say different owners.');
  }
  return { owner: parseNamespaceName(first), name: second };
}
