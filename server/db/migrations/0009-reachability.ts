import type { Migration } from './migration.ts';

/**
 * Whether a repository may hold git objects that none of its refs leads to. While it holds none, a clone needs no walk:
 * everything stored is sent. Of repositories that are there already nobody knows.
 */
export const reachability: Migration = {
  name: '0009-reachability',
  up: async (db, { integer }) => {
    await db.schema
      .alterTable('repositories')
      .addColumn('may_hold_unreachable', integer, (column) => column.notNull().defaultTo(1))
      .execute();
  },
};
