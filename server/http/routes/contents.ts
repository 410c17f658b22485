import * as contract from '../../contract/contents.ts';
import { HubError } from '../../domain/errors.ts';
import { isReadableRef } from '../../domain/revision.ts';
import type { Branches } from '../../services/branches.ts';
import { readCard } from '../../services/cards.ts';
import type { Contents } from '../../services/contents.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { empty, json } from '../reply.ts';
import { commitShape, entryShape } from '../shapes.ts';
import { nextLink } from './repos.ts';
import { decodeName, decodeRest, lookupPath } from './revision-path.ts';

const DEFAULT_COMMITS_PAGE = 50;

/** What a repository holds: trees, paths, refs, commits, branches and tags. */
export function contentRoutes(services: {
  readonly contents: Contents;
  readonly branches: Branches;
}): readonly Endpoint[] {
  const { contents, branches } = services;
  return [
    serve(contract.tree, async ({ granted, rest, query, request }) => {
      const { revision, path } = await contents.locate(granted.repo, decodeRest(rest));
      const expand = query.expand === true;
      const page = await contents.list(granted, revision.commit, {
        path: lookupPath(path),
        recursive: query.recursive === true,
        withLastCommits: expand,
        after: query.cursor,
        limit: query.limit ?? (expand ? contract.TREE_PAGE.expanded : contract.TREE_PAGE.plain),
      });
      const shapes = page.entries.map((entry) => entryShape(entry, expand));
      return json(shapes, 200, page.next === undefined ? undefined : nextLink(request, page.next));
    }),

    serve(contract.pathsInfo, async ({ granted, rest, body }) => {
      if (body.paths.length > contract.MAX_PATHS_INFO) {
        throw new HubError('TooManyItems', `Ask for at most ${contract.MAX_PATHS_INFO} paths at a time.`);
      }
      const { commit } = await contents.resolve(granted.repo, decodeName(rest));
      const paths = body.paths
        .map((path) => lookupPath(path.replace(/\/$/, '')))
        .filter((path) => path !== '');
      const entries = await contents.entries(granted, commit, [...new Set(paths)], body.expand);
      return json(entries.map((entry) => entryShape(entry, body.expand)));
    }),

    serve(contract.refs, async ({ granted, query }) => {
      const refs = (await contents.refs(granted)).filter((ref) => isReadableRef(ref.name));
      const named = (prefix: string) =>
        refs
          .filter((ref) => ref.name.startsWith(prefix))
          .map((ref) => ({
            name: ref.name.slice(prefix.length),
            ref: ref.name,
            targetCommit: ref.peeled ?? ref.target,
          }));
      return json({
        branches: named('refs/heads/'),
        tags: named('refs/tags/'),
        converts: named('refs/convert/'),
        ...(query.include_prs === true ? { pullRequests: named('refs/pr/') } : {}),
      });
    }),

    serve(contract.commits, async ({ granted, rest, query, request }) => {
      const { commit } = await contents.resolve(granted.repo, decodeName(rest));
      const limit = query.limit ?? DEFAULT_COMMITS_PAGE;
      const number = query.p ?? 0;
      const page = await contents.commits(granted, commit, number * limit, limit);
      const hasMore = (number + 1) * limit < page.total;
      const isFormatted = query.expand.includes('formatted');
      return json(
        page.commits.map((one) => commitShape(one, isFormatted)),
        200,
        {
          'x-total-count': String(page.total),
          ...(hasMore ? nextLink(request, String(number + 1), 'p') : {}),
        },
      );
    }),

    serve(contract.createBranch, async ({ granted, rest, body }) => {
      if (body?.emptyBranch) throw new HubError('NotSupported', 'Empty branches are not offered yet.');
      await branches.create(granted, decodeName(rest), {
        startingPoint: body?.startingPoint ?? undefined,
        overwrite: body?.overwrite === true,
      });
      return empty(200);
    }),

    serve(contract.deleteBranch, async ({ granted, rest }) => {
      await branches.delete(granted, decodeName(rest));
      return empty(200);
    }),

    serve(contract.createTag, async ({ granted, rest, body }) => {
      const message = body.message ?? undefined;
      await branches.createTag(granted, { name: body.tag, revision: decodeName(rest), message });
      return empty(200);
    }),

    serve(contract.deleteTag, async ({ granted, rest }) => {
      await branches.deleteTag(granted, decodeName(rest));
      return empty(200);
    }),

    serve(contract.validateYaml, ({ body }) => {
      const { errors, warnings } = readCard(body.content);
      const value = {
        errors: errors.map((message) => ({ message })),
        warnings: warnings.map((message) => ({ message })),
      };
      return json(value, errors.length > 0 ? 400 : 200);
    }),
  ];
}
