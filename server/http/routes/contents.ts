import * as contract from '../../contract/contents.ts';
import { HubError, isHubError } from '../../domain/errors.ts';
import { isOid, type Oid } from '../../domain/ids.ts';
import type { Repo } from '../../domain/repo.ts';
import type { Branches } from '../../services/branches.ts';
import type { CardChecks } from '../../services/card-checks.ts';
import { cardCheckText } from '../../services/card-rules.ts';
import type { Contents } from '../../services/contents.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { empty, json, type Reply } from '../reply.ts';
import { header } from '../request.ts';
import { nextLink, readCursor, writeCursor } from '../cursors.ts';
import { commitShape, entryShape, oneCommitShape } from '../shapes.ts';
import { decodeName, decodeRest, lookupPath } from './revision-path.ts';

const DEFAULT_COMMITS_PAGE = 50;

/** What a repository holds: trees, paths, refs, commits, branches and tags. */
export function contentRoutes(services: {
  readonly contents: Contents;
  readonly branches: Branches;
  readonly cards: CardChecks;
}): readonly Endpoint[] {
  const { contents, branches, cards } = services;
  return [
    serve(contract.tree, async ({ granted, rest, query, request }) => {
      const { revision, path } = await contents.locate(granted.repo, decodeRest(rest));
      const expand = query.expand === true;
      const recursive = query.recursive === true;
      const listing = `tree ${granted.repo.publicId} ${String(recursive)} ${path}`;
      const start = await startOf(contents, granted.repo, listing, query.cursor);
      const commit = start?.commit ?? revision.commit;
      const page = await contents.list(granted, commit, {
        path: lookupPath(path),
        recursive,
        withLastCommits: expand,
        after: start?.after,
        limit: query.limit ?? (expand ? contract.TREE_PAGE.expanded : contract.TREE_PAGE.plain),
      });
      const shapes = page.entries.map((entry) => entryShape(entry, expand));
      const next = page.next && writeCursor(listing, `${commit} ${page.next}`);
      return json(shapes, 200, next === undefined ? undefined : nextLink(request, next));
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
      const refs = await contents.refs(granted);
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
      const behind = query.after;
      const start = behind === undefined ? number * limit : { after: commitIdOf(behind) };
      const page = await contents.commits(granted, commit, start, limit);
      const last = page.commits.at(-1)?.oid;
      const hasMore = last !== undefined && page.skipped + page.commits.length < page.total;
      const next =
        behind === undefined
          ? nextLink(request, String(number + 1), 'p')
          : nextLink(request, last ?? '', 'after');
      const isFormatted = query.expand.includes('formatted');
      return json(
        page.commits.map((one) => commitShape(one, isFormatted)),
        200,
        { 'x-total-count': String(page.total), ...(hasMore ? next : {}) },
      );
    }),

    serve(contract.oneCommit, async ({ granted, rest, query }) => {
      const { commit } = await contents.resolve(granted.repo, decodeName(rest));
      return json(oneCommitShape(await contents.commit(granted, commit), query.expand.includes('formatted')));
    }),

    serve(contract.treeSize, async ({ granted, rest }) => {
      const { revision, path } = await contents.locate(granted.repo, decodeRest(rest));
      const folder = lookupPath(path);
      return json({ path: folder, size: await contents.treeSize(granted, revision.commit, folder) });
    }),

    serve(contract.createBranch, async ({ granted, rest, body }) => {
      await branches.create(granted, decodeName(rest), {
        startingPoint: body?.startingPoint ?? undefined,
        isEmpty: body?.emptyBranch === true,
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

    serve(contract.validateYaml, async ({ body, request }): Promise<Reply> => {
      const { errors, warnings } = await cards.validate(body.content, body.repoType ?? undefined);
      const status = errors.length > 0 ? 400 : 200;
      // The Python library asks for text and shows it as it is (`RepoCard.validate`).
      const accept = header(request, 'accept') ?? '*/*';
      if (accept.includes('text/plain') && !/json|\*\/\*/.test(accept)) {
        const text = cardCheckText({ errors, warnings });
        return { status, body: { kind: 'text', text, mediaType: 'text/plain; charset=utf-8' } };
      }
      const value = {
        errors: errors.map((message) => ({ message })),
        warnings: warnings.map((message) => ({ message })),
      };
      return json(value, status);
    }),
  ];
}

/** Throws InvalidCursor. */
function commitIdOf(after: string): Oid {
  if (!isOid(after)) throw new HubError('InvalidCursor', '"after" must be the id of a commit.');
  return after;
}

/** A commit, and where `git/tree-walk.ts` stopped in it. */
const TREE_PLACE = /^([0-9a-f]{40}) (\S+)$/;

/**
 * Where a listing goes on, and at which commit: the one it began at, so that a branch that moves meanwhile does not
 * give a list that was never true. Throws InvalidCursor, also when that commit is not here any more.
 */
async function startOf(
  contents: Contents,
  repo: Repo,
  listing: string,
  cursor: string | undefined,
): Promise<{ readonly commit: Oid; readonly after: string } | undefined> {
  if (cursor === undefined) return undefined;
  const [oid = '', after = ''] = readCursor(listing, cursor, TREE_PLACE);
  try {
    return { commit: (await contents.resolve(repo, oid)).commit, after };
  } catch (error) {
    if (!isHubError(error, 'RevisionNotFound')) throw error;
    throw new HubError('InvalidCursor', 'The commit that this list was read from is not here any more.');
  }
}
