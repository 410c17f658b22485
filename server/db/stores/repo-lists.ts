import { sql, type RawBuilder } from 'kysely';
import type { RepositoryId } from '../../domain/ids.ts';
import { foldName } from '../../domain/names.ts';
import type { RepoKind } from '../../domain/repo.ts';
import type { Label } from '../../domain/repo-facts.ts';
import type { RepoListQuery, RepoSort } from '../questions/repo-lists.ts';
import type { RepoScope } from '../questions/repo-scope.ts';
import type { StoreContext } from '../store-context.ts';
import { isVisible } from './repo-rows.ts';

/** A place in a list. */
export interface PickedRow {
  readonly id: RepositoryId;
  readonly sort_value: number;
}

/** What each order sorts by; every one but the last has an index that begins with the kind. */
const SORT_COLUMNS: Readonly<Record<RepoSort, RawBuilder<number>>> = {
  updatedAt: sql`repositories.updated_at`,
  createdAt: sql`repositories.created_at`,
  likes: sql`repositories.likes`,
  downloads: sql`repositories.downloads`,
  trending: sql`repositories.trending`,
  parameters: sql`sized.parameters`,
};

/**
 * A label of no more repositories than this is where a question starts: they are looked at one by one and sorted. A
 * more frequent one is only checked, walking the index of the order until there are enough.
 */
const FEW = 500;

const labeled = (kind: RepoKind, { role, label }: Label): RawBuilder<unknown> =>
  sql`label_row.kind = ${kind} and label_row.role = ${role} and label_row.label = ${label}`;

const hasLabel = (kind: RepoKind, label: Label): RawBuilder<boolean> => sql<boolean>`exists (
  select 1 from repository_labels as label_row
  where ${labeled(kind, label)} and label_row.repository_id = repositories.id
)`;

const anyOf = (conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> =>
  conditions.length === 0 ? sql<boolean>`1 = 0` : sql<boolean>`(${sql.join(conditions, sql` or `)})`;

/**
 * Keyset pages of repositories. Which of them are on a page is found first, with as little as that takes; only for
 * those is the rest looked up.
 */
export function createRepoLists(context: StoreContext): {
  /** A query, in parentheses, whose rows are those of one page, in no promised order. */
  pick(scope: RepoScope, query: RepoListQuery): Promise<RawBuilder<PickedRow>>;
} {
  const { db, dialect } = context;

  /** The rarest of some labels, when few repositories have it. */
  async function rareLabel(kind: RepoKind, labels: readonly Label[]): Promise<Label | undefined> {
    let rarest: { readonly label: Label; readonly count: number } | undefined;
    for (const label of labels) {
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from (
          select 1 from repository_labels as label_row where ${labeled(kind, label)} limit ${sql.lit(FEW + 1)}
        ) as counted
      `.execute(db);
      const count = Number(rows[0]?.count ?? 0);
      if (!rarest || count < rarest.count) rarest = { label, count };
    }
    return rarest && rarest.count <= FEW ? rarest.label : undefined;
  }

  function conditionsOf(scope: RepoScope, query: RepoListQuery, first: Label | undefined) {
    const { kind } = query;
    const conditions = [sql<boolean>`repositories.kind = ${kind}`, isVisible(context, scope)];
    for (const label of query.labels ?? []) if (label !== first) conditions.push(hasLabel(kind, label));
    if (query.anyLabel) conditions.push(anyOf(query.anyLabel.map((label) => hasLabel(kind, label))));
    if (query.owner !== undefined) {
      conditions.push(
        sql<boolean>`repositories.owner_id = (select id from namespaces where folded = ${foldName(query.owner)})`,
      );
    }
    for (const part of query.search ?? []) {
      if (part === '') continue;
      const fullName = sql<string>`((select folded from namespaces where namespaces.id = repositories.owner_id) || '/' || repositories.folded)`;
      conditions.push(sql<boolean>`${dialect.contains(fullName, foldName(part))}`);
    }
    if (query.parameters) {
      const { min, max } = query.parameters;
      conditions.push(sql<boolean>`exists (
        select 1 from repository_facts as fact_row
        where fact_row.repository_id = repositories.id and fact_row.parameters between ${min} and ${max}
      )`);
    }
    return conditions;
  }

  /** Where the rows come from; `cross join` makes SQLite go through them in this order. */
  function sourceOf({ sort }: RepoListQuery, first: Label | undefined): RawBuilder<unknown> {
    const isSized = sort === 'parameters';
    if (!first) return isSized ? sql`repository_facts as sized cross join repositories` : sql`repositories`;
    const start = sql`repository_labels as label_row cross join repositories`;
    return isSized ? sql`${start} cross join repository_facts as sized` : start;
  }

  return {
    pick: async (scope, query) => {
      const { kind, sort, direction, after, limit } = query;
      const column = SORT_COLUMNS[sort];
      const isAscending = direction === 'ascending';
      const order = isAscending ? sql`asc` : sql`desc`;
      const beyond = isAscending ? sql`>` : sql`<`;
      const id = sort === 'parameters' ? sql`sized.repository_id` : sql`repositories.id`;
      const first = await rareLabel(kind, query.labels ?? []);
      const conditions: RawBuilder<unknown>[] = [...conditionsOf(scope, query, first)];
      if (first) conditions.push(labeled(kind, first), sql`label_row.repository_id = repositories.id`);
      if (sort === 'parameters') {
        conditions.push(sql`sized.repository_id = repositories.id`);
        conditions.push(sql`sized.kind = ${kind}`, sql`sized.parameters is not null`);
      }
      if (after) conditions.push(sql`(${column}, ${id}) ${beyond} (${after.value}, ${after.id})`);
      return sql<PickedRow>`(
        select ${id} as id, ${column} as sort_value
        from ${sourceOf(query, first)}
        where ${sql.join(conditions, sql` and `)}
        order by ${column} ${order}, ${id} ${order}
        limit ${limit}
      )`;
    },
  };
}
