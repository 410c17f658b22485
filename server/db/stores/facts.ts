import { sql, type Insertable, type Selectable } from 'kysely';
import type { RepositoryId } from '../../domain/ids.ts';
import { oidBytes, toOid } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import { createQuestion } from '../question.ts';
import type { FactStore, StoredFacts } from '../questions/facts.ts';
import type { StoreContext } from '../store-context.ts';
import type { RepositoryFactTable, RepositoryLabelTable } from '../tables.ts';
import { gitKindOf } from '../../domain/repo.ts';
import { isVisible } from './repo-rows.ts';

const COLUMNS = ['commit_oid', 'summary', 'card', 'details'] as const;
type FactRow = Pick<Selectable<RepositoryFactTable>, (typeof COLUMNS)[number]>;

const toFacts = ({ commit_oid, summary, card, details }: FactRow): StoredFacts => ({
  commit: toOid(commit_oid),
  summary,
  card,
  details,
});

export function createFactStore(context: StoreContext): FactStore {
  const { db, dialect } = context;

  const findByRepository = createQuestion<{ id: RepositoryId }, FactRow>(db, (value) =>
    db.selectFrom('repository_facts').select(COLUMNS).where('repository_id', '=', value('id')),
  );

  const insertLabels = createRowInserter<Insertable<RepositoryLabelTable>>(
    db,
    ['kind', 'role', 'label', 'repository_id'],
    (rows) =>
      db
        .insertInto('repository_labels')
        .values(rows)
        .onConflict((on) => on.doNothing()),
  );

  const mark = createQuestion<{ id: RepositoryId }, never>(db, (value) =>
    db
      .insertInto('stale_facts')
      .values({ repository_id: value('id') })
      .onConflict((on) => on.doNothing()),
  );

  const unmark = async (id: RepositoryId): Promise<void> => {
    await db.deleteFrom('stale_facts').where('repository_id', '=', id).execute();
  };

  const deleteLabels = async (id: RepositoryId): Promise<void> => {
    await db.deleteFrom('repository_labels').where('repository_id', '=', id).execute();
  };

  return {
    find: async (id) => {
      const [row] = await findByRepository({ id });
      return row && toFacts(row);
    },

    findMany: async (ids) => {
      const rows = await db
        .selectFrom('repository_facts')
        .select(['repository_id', ...COLUMNS])
        .where('repository_id', 'in', dialect.integerRows(ids))
        .execute();
      return new Map(rows.map((row) => [row.repository_id, toFacts(row)]));
    },

    put: async (repo, { commit, summary, card, details, parameters, labels }) => {
      const { id } = repo;
      const kind = gitKindOf(repo);
      const values = {
        ...{ kind, summary, card, details },
        commit_oid: oidBytes(commit),
        parameters: parameters ?? null,
      };
      await db
        .insertInto('repository_facts')
        .values({ repository_id: id, ...values })
        .onConflict((on) => on.column('repository_id').doUpdateSet(values))
        .execute();
      await deleteLabels(id);
      await insertLabels(labels.map(({ role, label }) => ({ kind, role, label, repository_id: id })));
      await unmark(id);
    },

    clear: async (id) => {
      await db.deleteFrom('repository_facts').where('repository_id', '=', id).execute();
      await deleteLabels(id);
      await unmark(id);
    },

    markStale: async (id) => {
      await mark({ id });
    },

    markAllStale: async () => {
      await db
        .insertInto('stale_facts')
        .columns(['repository_id'])
        // Without a condition SQLite takes `on conflict` for a part of the query.
        .expression(db.selectFrom('repositories').select('id').where('kind', '<>', 'bucket'))
        .onConflict((on) => on.doNothing())
        .execute();
    },

    listStale: async (kind, after, limit) => {
      let stale = db
        .selectFrom('stale_facts')
        .innerJoin('repositories', 'repositories.id', 'stale_facts.repository_id')
        .select('stale_facts.repository_id')
        .where('stale_facts.repository_id', '>', after ?? (0 as RepositoryId))
        .orderBy('stale_facts.repository_id')
        .limit(limit);
      if (kind !== undefined) stale = stale.where('repositories.kind', '=', kind);
      return (await stale.execute()).map((row) => row.repository_id);
    },

    /*
     * There are far fewer labels than rows, so this seeks from each label to the next one, and only looks for one
     * repository in scope that has it.
     */
    listLabels: async (scope, { kind, role, after, limit }) => {
      const next = (behind: ReturnType<typeof sql<string>>) => sql<string>`(
        select min(label) from repository_labels
        where kind = ${kind} and role = ${role} and label > ${behind}
      )`;
      const { rows } = await sql<{ label: string }>`
        with recursive labels (label) as (
          select ${next(sql`${after ?? ''}`)}
          union all
          select ${next(sql`labels.label`)} from labels where labels.label is not null
        )
        select label from labels
        where label is not null and exists (
          select 1 from repository_labels as labeled
          cross join repositories
          where labeled.kind = ${kind} and labeled.role = ${role} and labeled.label = labels.label
            and repositories.id = labeled.repository_id and ${isVisible(context, scope)}
        )
        limit ${limit}
      `.execute(db);
      return rows.map((row) => row.label);
    },

    countLabeled: async (scope, kind, { role, label }) => {
      const { count } = await db
        .selectFrom('repository_labels')
        .innerJoin('repositories', 'repositories.id', 'repository_labels.repository_id')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('repository_labels.kind', '=', kind)
        .where('role', '=', role)
        .where('label', '=', label)
        .where(isVisible(context, scope))
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}
