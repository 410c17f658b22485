import * as contract from '../../contract/repo-lists.ts';
import type { RepoReply } from '../../contract/repos.ts';
import { KIND_SEGMENTS } from '../../contract/shapes.ts';
import type { Label } from '../../domain/repo-facts.ts';
import { LINKED } from '../../domain/repo-facts.ts';
import type { RepoKind } from '../../domain/repo.ts';
import type { Facts } from '../../services/facts.ts';
import type { ListedSubject, RepoInfo } from '../../services/repo-info.ts';
import type { Repositories, RepoListQuery } from '../../services/repositories.ts';
import type { TagLists } from '../../services/tag-lists.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { checkExpand, infoShape, needsFacts, usualListFields } from '../info-shape.ts';
import { nextLink, readCursor, writeCursor } from '../cursors.ts';
import { json } from '../reply.ts';

/** Pages end early when what they show is more than this, so that no answer is of any size. */
const MAX_PAGE_CHARACTERS = 4 * 1024 * 1024;
/** A path of a file takes about as many in an answer. */
const SIBLING_CHARACTERS = 64;

const SORTS: Readonly<Record<NonNullable<contract.ListQuery['sort']>, RepoListQuery['sort']>> = {
  lastModified: 'updatedAt',
  last_modified: 'updatedAt',
  createdAt: 'createdAt',
  created_at: 'createdAt',
  trendingScore: 'trending',
  trending_score: 'trending',
  likes: 'likes',
  // Trending is what was liked and used in these days.
  likes30d: 'trending',
  downloads: 'downloads',
  num_parameters: 'parameters',
};

/** Lists of repositories, and the tags they can be filtered by. */
export function repoListRoutes(services: {
  readonly repositories: Repositories;
  readonly info: RepoInfo;
  readonly facts: Facts;
  readonly tagLists: TagLists;
}): readonly Endpoint[] {
  const { repositories, info, facts, tagLists } = services;
  return [
    serve(contract.listRepos, async ({ actor, params, query, request }) => {
      const kind = KIND_SEGMENTS[params['kind'] ?? ''] ?? 'model';
      checkExpand(kind, query.expand);
      const caller = actor.kind === 'user' ? actor.user.publicId : '';
      const listing = listingOf([kind, caller], request.query);
      const after = query.cursor === undefined ? undefined : placeOf(listing, query.cursor);
      if (isKnownEmpty(query)) return json([]);
      const limit = query.limit ?? contract.MAX_LIST_PAGE;
      await facts.catchUp(kind);
      const wanted = { ...questionOf(kind, query), ...(after ? { after } : {}), limit: limit + 1 };
      const items = await repositories.list(actor, wanted);

      const usual = usualListFields(kind, query);
      const expand = query.expand.length > 0 ? new Set(query.expand) : undefined;
      const shapes: RepoReply[] = [];
      let last: ListedSubject['listed'] | undefined;
      let characters = 0;
      for await (const subject of info.subjects(items.slice(0, limit), needsFacts(expand ?? usual))) {
        if (characters > MAX_PAGE_CHARACTERS) break;
        const shape = await infoShape(info, subject, { expand, usual, withBlobs: false });
        characters += subject.characters + (shape.siblings?.length ?? 0) * SIBLING_CHARACTERS;
        shapes.push(shape);
        last = subject.listed;
      }
      const hasMore = last !== undefined && (items.length > limit || last !== items.at(-1));
      if (!hasMore || !last) return json(shapes);
      const cursor = writeCursor(listing, `${last.sortValue} ${last.repo.id}`);
      return json(shapes, 200, nextLink(request, cursor));
    }),

    serve(contract.modelTags, async ({ actor }) => json(await tagLists.byType(actor, 'model'))),
    serve(contract.datasetTags, async ({ actor }) => json(await tagLists.byType(actor, 'dataset'))),
  ];
}

/** The value that the list is sorted by, and the row key. */
const PLACE = /^(-?\d{1,15}) (\d{1,15})$/;

function placeOf(listing: string, cursor: string): RepoListQuery['after'] {
  const [value, id] = readCursor(listing, cursor, PLACE);
  return { value: Number(value), id: Number(id) };
}

/** All that a list was asked for, but for where it starts and how long it is; what is in it depends on the caller too. */
function listingOf(subject: readonly string[], query: ReadonlyMap<string, readonly string[]>): string {
  const asked = [...query]
    .filter(([name]) => name !== 'cursor' && name !== 'limit')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([subject, asked]);
}

/** No repository here is gated, and none is served by an inference provider. */
const isKnownEmpty = (query: contract.ListQuery): boolean =>
  query.gated === true || query.inference === 'warm' || query.inference_provider.length > 0;

function questionOf(kind: RepoKind, query: contract.ListQuery): Omit<RepoListQuery, 'limit' | 'after'> {
  const isAscending = query.direction === '1' || query.direction === 'asc';
  const labels = labelsOf(kind, query);
  return {
    kind,
    sort: query.sort === undefined ? 'trending' : SORTS[query.sort],
    direction: isAscending ? 'ascending' : 'descending',
    labels,
    search: query.search,
    ...(query.author === undefined ? {} : { owner: query.author }),
    ...(query.num_parameters === undefined ? {} : { parameters: query.num_parameters }),
    ...(query.apps.length > 0
      ? { anyLabel: query.apps.map((label) => ({ role: 'app', label }) as const) }
      : {}),
  };
}

function labelsOf(kind: RepoKind, query: contract.ListQuery): readonly Label[] {
  const labels: Label[] = [];
  const add = (role: Label['role'], values: readonly string[], prefix = ''): void => {
    for (const value of values) {
      labels.push({ role, label: value.startsWith(prefix) ? value : `${prefix}${value}` });
    }
  };
  add('tag', [...query.filter, ...query.tags]);
  add('pipeline', query.pipeline_tag);
  add('library', query.library);
  add('language', query.language);
  add('tag', [...query.dataset, ...query.trained_dataset], 'dataset:');
  for (const name of contract.PREFIXED_FILTERS) add('tag', query[name], `${name}:`);
  if (kind === 'space') {
    add('model', query.models);
    add('dataset', query.datasets);
    if (query.linked === true) labels.push(LINKED);
  }
  return labels;
}
