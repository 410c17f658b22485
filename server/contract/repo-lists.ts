import { z } from 'zod';
import { choice, commaList, flag, ignored, integer, list, text } from './query.ts';
import { anyone, noBody, reply, route } from './route.ts';
import type { RepoReply } from './repos.ts';

/** Pages have as many items at most, and by default, as on the large hub. */
export const MAX_LIST_PAGE = 1000;

/** Values of a filter. */
const values = commaList(64);

/** A number of parameters as people write it: `6B`, `0.5B`, `350M`, `1000`. */
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/** `min:6B,max:128B`, or one of the two. */
const parameterRange = text(64).transform(
  (given, context): { readonly min: number; readonly max: number } | undefined => {
    if (given === undefined) return undefined;
    const bounds = new Map<string, number>();
    for (const part of given.split(',')) {
      const [, bound, amount, unit = ''] = /^(min|max):(\d{1,15}(?:\.\d{1,9})?)([KMBT]?)$/i.exec(part) ?? [];
      if (bound === undefined || bounds.has(bound)) {
        context.addIssue({ code: 'custom', message: 'must be like "min:6B,max:128B"' });
        return z.NEVER;
      }
      bounds.set(
        bound.toLowerCase(),
        Math.min(Number.MAX_SAFE_INTEGER, Number(amount) * (UNITS[unit.toUpperCase()] ?? 1)),
      );
    }
    return {
      min: Math.ceil(bounds.get('min') ?? 0),
      max: Math.floor(bounds.get('max') ?? Number.MAX_SAFE_INTEGER),
    };
  },
);

/** Filters by a tag that begins with their own name, such as `task_categories:translation`. */
export const PREFIXED_FILTERS = [
  ...[
    'annotations_creators',
    'base_model',
    'benchmark',
    'format',
    'language_creators',
    'license',
    'modality',
  ],
  ...['multilinguality', 'region', 'size_categories', 'source_datasets', 'task_categories', 'task_ids'],
] as const;
type PrefixedFilter = (typeof PREFIXED_FILTERS)[number];

const prefixedFilters = Object.fromEntries(PREFIXED_FILTERS.map((name) => [name, values])) as Record<
  PrefixedFilter,
  typeof values
>;

const listQuery = z.object({
  ...prefixedFilters,
  search: list(8),
  author: text(128),
  filter: values,
  tags: values,
  pipeline_tag: values,
  library: values,
  language: values,
  dataset: values,
  trained_dataset: values,
  /** Of spaces: what they use. */
  models: values,
  datasets: values,
  linked: flag,
  apps: values,
  num_parameters: parameterRange,
  gated: flag,
  inference: choice(['warm', 'cold']),
  inference_provider: values,
  sort: choice([
    'lastModified',
    'last_modified',
    'createdAt',
    'created_at',
    'trendingScore',
    'trending_score',
    'likes',
    'likes30d',
    'downloads',
    'num_parameters',
  ]),
  direction: choice(['-1', '1', 'desc', 'asc']),
  limit: integer(1, MAX_LIST_PAGE),
  cursor: text(16_384),
  full: flag,
  config: flag,
  cardData: flag,
  fetch_config: flag,
  expand: list(64),
});
export type ListQuery = z.infer<typeof listQuery>;

export const listRepos = route({
  method: 'GET',
  path: '/api/:kind',
  access: anyone('lists show what the caller may read'),
  summary: 'List repositories of a kind, filtered and in an order, a page at a time.',
  query: listQuery,
  body: noBody,
  answer: reply<readonly RepoReply[]>(),
  errors: ['InvalidCursor', 'InvalidParameter'],
});

export interface TagReply {
  readonly id: string;
  readonly label: string;
  readonly type: string;
  /** Of a pipeline tag: the group of tasks it belongs to. */
  readonly subType?: string;
}

const tagsByType = (kind: 'models' | 'datasets') =>
  route({
    method: 'GET',
    path: `/api/${kind}-tags-by-type`,
    access: anyone('it shows tags of what the caller may read'),
    summary: `Tags that ${kind} have, by type, for filters.`,
    query: ignored,
    body: noBody,
    answer: reply<Readonly<Record<string, readonly TagReply[]>>>(),
  });

export const modelTags = tagsByType('models');
export const datasetTags = tagsByType('datasets');
