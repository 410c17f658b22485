import { sql, type RawBuilder, type Selectable } from 'kysely';
import type { Repo } from '../../domain/repo.ts';
import type { RepoCounters } from '../questions/popularity.ts';
import type { RepoScope } from '../questions/repo-scope.ts';
import type { StoreContext } from '../store-context.ts';
import type { NamespaceTable, RepositoryTable } from '../tables.ts';

/*
 * What the stores that answer with repositories share: the columns of one with its owner's name, its counters, and
 * which of them a scope shows.
 */

const REPO_COLUMNS = [
  'repositories.id',
  'repositories.public_id',
  'repositories.kind',
  'repositories.owner_id',
  'repositories.name',
  'repositories.visibility',
  'repositories.default_branch',
  'repositories.created_by',
  'repositories.created_at',
  'repositories.updated_at',
  'repositories.archived_at',
  'namespaces.name as owner_name',
  'namespaces.kind as owner_kind',
] as const;

type Uncounted =
  'folded' | 'likes' | 'downloads' | 'downloads_all_time' | 'trending' | 'may_hold_unreachable';
export type RepoRow = Omit<Selectable<RepositoryTable>, Uncounted> & {
  owner_name: string;
  owner_kind: NamespaceTable['kind'];
};

export const selectRepos = ({ db }: StoreContext) =>
  db
    .selectFrom('repositories')
    .innerJoin('namespaces', 'namespaces.id', 'repositories.owner_id')
    .select(REPO_COLUMNS);

export const toRepo = (row: RepoRow): Repo => ({
  id: row.id,
  publicId: row.public_id,
  kind: row.kind,
  owner: { id: row.owner_id, name: row.owner_name, kind: row.owner_kind },
  name: row.name,
  visibility: row.visibility,
  defaultBranch: row.default_branch,
  createdBy: row.created_by ?? undefined,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  archivedAt: row.archived_at ?? undefined,
});

export const COUNTER_COLUMNS = [
  'repositories.likes',
  'repositories.downloads',
  'repositories.downloads_all_time',
  'repositories.trending',
] as const;

export type CounterRow = Pick<
  Selectable<RepositoryTable>,
  'likes' | 'downloads' | 'downloads_all_time' | 'trending'
>;

export const toCounters = (row: CounterRow): RepoCounters => ({
  likes: Number(row.likes),
  downloads: Number(row.downloads),
  downloadsAllTime: Number(row.downloads_all_time),
  trending: Number(row.trending),
});

/** True for the rows of `repositories` that a scope shows. */
export function isVisible({ dialect }: StoreContext, scope: RepoScope): RawBuilder<boolean> {
  if (scope.kind === 'everything') return sql<boolean>`1 = 1`;
  const conditions = [sql<boolean>`repositories.visibility = 'public'`];
  if (scope.kind === 'public-and') {
    const { owners, repositories = [] } = scope;
    if (owners.length > 0) {
      conditions.push(sql<boolean>`repositories.owner_id in ${dialect.integerRows(owners)}`);
    }
    if (repositories.length > 0) {
      conditions.push(sql<boolean>`repositories.id in ${dialect.integerRows(repositories)}`);
    }
  }
  return sql<boolean>`(${sql.join(conditions, sql` or `)})`;
}
