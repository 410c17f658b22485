import { sql, type Insertable, type Selectable } from 'kysely';
import { HubError } from '../../domain/errors.ts';
import type { Oid, RepositoryId } from '../../domain/ids.ts';
import { oidBytes, toOid } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import type { ChainSegment, HistoryCommit, HistoryStore } from '../questions/history.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import type { HistoryCommitTable, PathChangeTable } from '../tables.ts';

/** Paths asked for by one statement. */
const SLICE = 250;
/** Rows made ready before some are inserted: a million at once would hold up the event loop. */
const ROWS_AT_ONCE = 1_024;

type CommitRow = Omit<Selectable<HistoryCommitTable>, 'id' | 'repository_id'>;

const toCommit = (row: CommitRow): HistoryCommit => ({
  oid: toOid(row.oid),
  chain: row.chain_id,
  position: row.position,
  firstParent: row.first_parent ? toOid(row.first_parent) : undefined,
  reachable: row.reachable,
  isLinear: row.is_linear === 1,
});

/*
 * First-parent history is cut into chains. A commit whose first parent is the last of its chain goes on that chain,
 * any other one opens a chain that remembers where it forked. The lineage of a commit is then a handful of chains,
 * and "who touched this path last" is one seek into an index per chain, however long the history is.
 */
export function createHistoryStore({ db, dialect }: StoreContext): HistoryStore {
  const findCommit = async (repositoryId: RepositoryId, oid: Oid): Promise<HistoryCommit | undefined> => {
    const row = await db
      .selectFrom('history_commits')
      .select(['oid', 'chain_id', 'position', 'first_parent', 'reachable', 'is_linear'])
      .where('repository_id', '=', repositoryId)
      .where('oid', '=', oidBytes(oid))
      .executeTakeFirst();
    return row && toCommit(row);
  };

  const openChain = async (
    repositoryId: RepositoryId,
    parent: HistoryCommit | undefined,
  ): Promise<number> => {
    const { id } = await db
      .insertInto('history_chains')
      .values({
        repository_id: repositoryId,
        parent_chain_id: parent?.chain ?? null,
        parent_position: parent?.position ?? null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return id;
  };

  const isTip = async (commit: HistoryCommit): Promise<boolean> => {
    const next = await db
      .selectFrom('history_commits')
      .select('id')
      .where('chain_id', '=', commit.chain)
      .where('position', '=', commit.position + 1)
      .executeTakeFirst();
    return next === undefined;
  };

  const insertChanges = createRowInserter<Insertable<PathChangeTable>>(
    db,
    ['chain_id', 'path', 'position'],
    (rows) =>
      db
        .insertInto('path_changes')
        .values(rows)
        .onConflict((on) => on.columns(['chain_id', 'path', 'position']).doNothing()),
  );

  // `cross join` makes SQLite go through the wanted paths and seek each, never the other way around.
  const lastChangesOnChain = ({ chain, upTo }: ChainSegment, paths: readonly string[]) =>
    sql<{ path: string; position: number; oid: Uint8Array }>`
      select change.path, change.position, history_commits.oid
      from ${dialect.textRows(paths)} as wanted
      cross join path_changes as change
      cross join history_commits
      where change.chain_id = ${chain}
        and change.path = wanted.value
        and change.position = (
          select max(position) from path_changes
          where chain_id = ${chain} and path = wanted.value and position <= ${upTo}
        )
        and history_commits.chain_id = change.chain_id
        and history_commits.position = change.position
    `.execute(db);

  return {
    findCommit,

    addCommit: async (repositoryId, { oid, firstParent, reachable, isLinear }, changes) => {
      const known = await findCommit(repositoryId, oid);
      if (known) return known;
      const parent = firstParent && (await findCommit(repositoryId, firstParent));
      if (firstParent && !parent) {
        throw new HubError('Internal', `History of ${oid} cannot be recorded before that of ${firstParent}.`);
      }
      const chain = parent && (await isTip(parent)) ? parent.chain : await openChain(repositoryId, parent);
      const position = parent ? parent.position + 1 : 0;
      await db
        .insertInto('history_commits')
        .values({
          repository_id: repositoryId,
          oid: oidBytes(oid),
          chain_id: chain,
          position,
          first_parent: firstParent ? oidBytes(firstParent) : null,
          reachable,
          is_linear: isLinear ? 1 : 0,
        })
        .execute();
      for (const slice of slices(changes, ROWS_AT_ONCE)) {
        await insertChanges(slice.map((path) => ({ chain_id: chain, path, position })));
      }
      return { oid, chain, position, firstParent, reachable, isLinear };
    },

    lineage: async (repositoryId, oid) => {
      const { rows } = await sql<{ chain: number; up_to: number }>`
        with recursive lineage (chain, up_to, depth) as (
          select chain_id, position, ${sql.lit(0)} from history_commits
          where repository_id = ${repositoryId} and oid = ${oidBytes(oid)}
          union all
          select parent_chain_id, parent_position, depth + 1
          from lineage join history_chains on history_chains.id = lineage.chain
          where parent_chain_id is not null
        )
        select chain, up_to from lineage order by depth
      `.execute(db);
      return rows.map((row) => ({ chain: row.chain, upTo: row.up_to }));
    },

    lastChanges: async (_repositoryId, lineage, paths) => {
      const found = new Map<string, { oid: Oid; segment: number; position: number }>();
      let wanted = [...new Set(paths)];
      for (const [segment, chain] of lineage.entries()) {
        for (const slice of slices(wanted, SLICE)) {
          const { rows } = await lastChangesOnChain(chain, slice);
          for (const { path, position, oid } of rows) {
            found.set(path, { oid: toOid(oid), segment, position });
          }
        }
        wanted = wanted.filter((path) => !found.has(path));
        if (wanted.length === 0) break;
      }
      return found;
    },

    page: async (_repositoryId, lineage, skip, limit) => {
      const newest = (lineage[0]?.upTo ?? -1) - skip;
      const oldest = newest - limit + 1;
      const oids: Oid[] = [];
      for (const [index, { chain, upTo }] of lineage.entries()) {
        const from = Math.max(oldest, (lineage[index + 1]?.upTo ?? -1) + 1);
        const to = Math.min(newest, upTo);
        if (from > to) continue;
        const rows = await db
          .selectFrom('history_commits')
          .select('oid')
          .where('chain_id', '=', chain)
          .where('position', '>=', from)
          .where('position', '<=', to)
          .orderBy('position', 'desc')
          .execute();
        for (const row of rows) oids.push(toOid(row.oid));
      }
      return oids;
    },
  };
}
