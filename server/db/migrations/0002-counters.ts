import type { Migration } from './migration.ts';

const COUNTERS = ['likes', 'downloads', 'downloads_all_time', 'trending'] as const;
/** Those that lists are sorted by. */
const SORTED = ['likes', 'downloads', 'trending'] as const;

/**
 * Counters of a repository that lists are sorted by, and whether it is archived. `downloads` are those of the last
 * 30 days; `trending` is a score, larger for what people use these days.
 */
export const counters: Migration = {
  name: '0002-counters',
  up: async (db, { integer }) => {
    for (const column of COUNTERS) {
      await db.schema
        .alterTable('repositories')
        .addColumn(column, integer, (definition) => definition.notNull().defaultTo(0))
        .execute();
    }
    await db.schema.alterTable('repositories').addColumn('archived_at', integer).execute();
    for (const column of SORTED) {
      await db.schema
        .createIndex(`repositories_by_${column}`)
        .on('repositories')
        .columns(['kind', column, 'id'])
        .execute();
    }
  },
};
