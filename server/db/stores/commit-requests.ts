import { oidBytes, toOid } from '../bytes.ts';
import type { StoreContext } from '../store-context.ts';
import type { CommitRequestStore } from '../stores.ts';

export function createCommitRequestStore({ db }: StoreContext): CommitRequestStore {
  return {
    find: async (repositoryId, branch, fingerprint) => {
      const rows = await db
        .selectFrom('commit_requests')
        .select(['commit_oid', 'parent_oid'])
        .where('repository_id', '=', repositoryId)
        .where('branch', '=', branch)
        .where('fingerprint', '=', fingerprint)
        .orderBy('id', 'desc')
        .execute();
      return rows.map((row) => ({
        commit: toOid(row.commit_oid),
        parent: row.parent_oid ? toOid(row.parent_oid) : undefined,
      }));
    },

    remember: async (repositoryId, branch, fingerprint, { commit, parent }, now) => {
      await db
        .insertInto('commit_requests')
        .values({
          repository_id: repositoryId,
          branch,
          fingerprint,
          commit_oid: oidBytes(commit),
          parent_oid: parent ? oidBytes(parent) : null,
          created_at: now,
        })
        .execute();
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
