import type { Insertable, Selectable } from 'kysely';
import type { RepositoryId } from '../../domain/ids.ts';
import { oidBytes, toOid } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import { createQuestion } from '../question.ts';
import type { CommitRequestStore } from '../questions/commit-requests.ts';
import type { StoreContext } from '../store-context.ts';
import type { CommitRequestTable } from '../tables.ts';

export function createCommitRequestStore({ db }: StoreContext): CommitRequestStore {
  const findAnswers = createQuestion<
    { repositoryId: RepositoryId; branch: string; fingerprint: Buffer },
    Pick<Selectable<CommitRequestTable>, 'commit_oid' | 'parent_oid'>
  >(db, (value) =>
    db
      .selectFrom('commit_requests')
      .select(['commit_oid', 'parent_oid'])
      .where('repository_id', '=', value('repositoryId'))
      .where('branch', '=', value('branch'))
      .where('fingerprint', '=', value('fingerprint'))
      .orderBy('id', 'desc'),
  );

  const insert = createRowInserter<Insertable<CommitRequestTable>>(
    db,
    ['repository_id', 'branch', 'fingerprint', 'commit_oid', 'parent_oid', 'created_at'],
    (rows) => db.insertInto('commit_requests').values(rows),
  );

  return {
    find: async (repositoryId, branch, fingerprint) => {
      const rows = await findAnswers({ repositoryId, branch, fingerprint });
      return rows.map((row) => ({
        commit: toOid(row.commit_oid),
        parent: row.parent_oid ? toOid(row.parent_oid) : undefined,
      }));
    },

    remember: async (repositoryId, branch, fingerprint, { commit, parent }, now) => {
      await insert([
        {
          repository_id: repositoryId,
          branch,
          fingerprint,
          commit_oid: oidBytes(commit),
          parent_oid: parent ? oidBytes(parent) : null,
          created_at: now,
        },
      ]);
    },

    deleteOlderThan: async (time) => {
      const { numDeletedRows } = await db
        .deleteFrom('commit_requests')
        .where('created_at', '<', time)
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
