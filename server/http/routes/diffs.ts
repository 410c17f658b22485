import * as contract from '../../contract/diffs.ts';
import { HubError, isHubError } from '../../domain/errors.ts';
import { isOid, type Oid } from '../../domain/ids.ts';
import { shown } from '../../domain/names.ts';
import type { Repo } from '../../domain/repo.ts';
import type { Granted } from '../../services/authorize.ts';
import type { Contents } from '../../services/contents.ts';
import type { Diffs, FileDiff, Range } from '../../services/diffs.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { nextLink, readCursor, writeCursor } from '../cursors.ts';
import { CONTENT_POLICY } from '../files.ts';
import { json, type Reply } from '../reply.ts';
import type { HubRequest } from '../request.ts';
import { oneCommitShape } from '../shapes.ts';
import { decodeName, lookupPath } from './revision-path.ts';

const DEFAULT_PAGE = 100;
/** Two commits, how many files stand before, and what else the list keeps. */
const PLACE = /^([0-9a-f]{40}|-) ([0-9a-f]{40}) (\d{1,15})(?: ([0-9a-f]{40}))?$/;

interface DiffQuery {
  readonly raw: boolean | undefined;
  readonly path: string | undefined;
  readonly limit: number | undefined;
  readonly cursor: string | undefined;
}

/** What changed: by a commit, and between two revisions. */
export function diffRoutes(services: {
  readonly contents: Contents;
  readonly diffs: Diffs;
}): readonly Endpoint[] {
  const { contents, diffs } = services;

  /** The range of a page: what the first one was of, though a branch has moved meanwhile. Throws InvalidCursor. */
  async function placeOf(
    repo: Repo,
    listing: string,
    cursor: string,
  ): Promise<{ readonly range: Range; readonly start: number; readonly more: string }> {
    const [from = '', to = '', start = '', more = ''] = readCursor(listing, cursor, PLACE);
    for (const oid of [from, to]) {
      // Before a first commit there is nothing.
      if (oid === '-') continue;
      try {
        await contents.resolve(repo, oid);
      } catch (error) {
        if (!isHubError(error, 'RevisionNotFound')) throw error;
        throw new HubError('InvalidCursor', 'A commit that this list was read from is not here any more.');
      }
    }
    return { range: { from: isOid(from) ? from : undefined, to: to as Oid }, start: Number(start), more };
  }

  async function filesOf(
    granted: Granted<'read'>,
    request: HubRequest,
    query: DiffQuery,
    listing: string,
    place: { readonly range: Range; readonly start: number; readonly more: string },
  ) {
    const { range, start, more } = place;
    const { files, total, next } = await diffs.page(granted, range, {
      path: lookupPath(query.path ?? ''),
      start,
      limit: query.limit ?? DEFAULT_PAGE,
    });
    const cursor = writeCursor(listing, [range.from ?? '-', range.to, String(next), more].join(' ').trim());
    return {
      shape: { files_changed: total ?? null, files: files.map(fileShape) },
      headers: next === undefined ? undefined : nextLink(request, cursor),
    };
  }

  const patchReply = (granted: Granted<'read'>, range: Range, query: DiffQuery): Reply<never> => ({
    status: 200,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-security-policy': CONTENT_POLICY,
      'cache-control': 'private, no-cache',
    },
    body: { kind: 'bytes', bytes: diffs.patch(granted, range, lookupPath(query.path ?? '')) },
  });

  async function sidesOf(granted: Granted<'read'>, text: string) {
    const [, base, dots, head] = /^(.*?[^.])(\.{2,3})([^.].*)$/.exec(text) ?? [];
    if (base === undefined || head === undefined) {
      throw new HubError(
        'InvalidRevision',
        `"${shown(text)}" is not of the form "base...head" or "base..head".`,
      );
    }
    const [one, other] = [
      (await contents.resolve(granted.repo, base)).commit,
      (await contents.resolve(granted.repo, head)).commit,
    ];
    return {
      base: one,
      head: other,
      mergeBase: dots === '...' ? await diffs.mergeBase(granted, one, other) : undefined,
    };
  }

  return [
    serve(contract.commitDiff, async ({ granted, params, query, request }) => {
      const { commit: oid } = await contents.resolve(granted.repo, params['revision'] ?? '');
      const listing = `diff ${granted.repo.publicId} ${query.path ?? ''}`;
      const parentOf = async (): Promise<Oid | undefined> => {
        const { parents } = (await contents.commit(granted, oid)).commit;
        const parent = parents[(query.parent ?? 1) - 1];
        if (parent === undefined && query.parent !== undefined) {
          throw new HubError('InvalidParameter', `The commit has ${parents.length} parents.`);
        }
        return parent;
      };
      const place =
        query.cursor === undefined
          ? { range: { from: await parentOf(), to: oid }, start: 0, more: '' }
          : await placeOf(granted.repo, listing, query.cursor);
      if (query.raw === true) return patchReply(granted, place.range, query);
      const { shape, headers } = await filesOf(granted, request, query, listing, place);
      const facts = oneCommitShape(await contents.commit(granted, place.range.to), false);
      return json(
        {
          commit_id: place.range.to,
          parent_commit: place.range.from ?? null,
          title: facts.title,
          message: facts.message,
          author: facts.author,
          date: facts.date,
          ...shape,
        },
        200,
        headers,
      );
    }),

    serve(contract.compare, async ({ granted, rest, query, request }) => {
      const spec = decodeName(rest);
      const sides = await sidesOf(granted, spec);
      const listing = `compare ${granted.repo.publicId} ${spec} ${query.path ?? ''}`;
      // The cursor also keeps what the base was, which three dots do not compare with.
      const place =
        query.cursor === undefined
          ? { range: { from: sides.mergeBase ?? sides.base, to: sides.head }, start: 0, more: sides.base }
          : await placeOf(granted.repo, listing, query.cursor);
      if (query.raw === true) return patchReply(granted, place.range, query);
      const { shape, headers } = await filesOf(granted, request, query, listing, place);
      return json(
        {
          base_commit: place.more,
          head_commit: place.range.to,
          merge_base: sides.mergeBase === undefined ? null : (place.range.from ?? null),
          ...shape,
        },
        200,
        headers,
      );
    }),
  ];
}

function fileShape({ change, before, after, text }: FileDiff): contract.DiffFileReply {
  const old = change.kind === 'added' ? undefined : change.before;
  const now = change.kind === 'removed' ? undefined : change.after;
  return {
    path: change.path,
    type: change.kind,
    ...(change.kind === 'renamed'
      ? { previous_path: change.previousPath, similarity: change.similarity }
      : {}),
    previous_oid: old?.oid ?? null,
    oid: now?.oid ?? null,
    previous_mode: old?.mode ?? null,
    mode: now?.mode ?? null,
    previous_size_bytes: before ? (before.pointer?.sizeBytes ?? before.sizeBytes) : null,
    size_bytes: after ? (after.pointer?.sizeBytes ?? after.sizeBytes) : null,
    is_lfs: (now ? after : before)?.pointer !== undefined,
    previous_sha256: before?.pointer?.sha256 ?? null,
    sha256: after?.pointer?.sha256 ?? null,
    is_binary: text.kind === 'binary' || text.kind === 'large-file',
    additions: text.kind === 'lines' ? text.additions : null,
    deletions: text.kind === 'lines' ? text.deletions : null,
    diff: text.kind === 'lines' ? text.unified : null,
    ...(text.kind === 'lines' || text.kind === 'none' ? {} : { diff_omitted: text.kind }),
  };
}
