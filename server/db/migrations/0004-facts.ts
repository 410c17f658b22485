import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/**
 * What is derived from the files of a repository, for info answers and lists. All of it can be derived anew; a
 * repository in `stale_facts` is due, and so are all that exist when this step is taken.
 */
export const facts: Migration = {
  name: '0004-facts',
  up: async (db, { bytes, text, integer, clustered }) => {
    await db.schema
      .createTable('repository_facts')
      .addColumn('repository_id', integer, (column) =>
        column.primaryKey().references('repositories.id').onDelete('cascade'),
      )
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('commit_oid', bytes, (column) => column.notNull())
      .addColumn('summary', text, (column) => column.notNull())
      .addColumn('card', text, (column) => column.notNull())
      .addColumn('details', text, (column) => column.notNull())
      .addColumn('parameters', integer)
      .execute();
    await db.schema
      .createIndex('repository_facts_by_parameters')
      .on('repository_facts')
      .columns(['kind', 'parameters', 'repository_id'])
      .execute();

    await db.schema
      .createTable('repository_labels')
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('role', text, (column) => column.notNull())
      .addColumn('label', text, (column) => column.notNull())
      .addColumn('repository_id', integer, (column) =>
        column.notNull().references('repositories.id').onDelete('cascade'),
      )
      .addPrimaryKeyConstraint('repository_labels_key', ['kind', 'role', 'label', 'repository_id'])
      .modifyEnd(clustered)
      .execute();
    await db.schema
      .createIndex('repository_labels_by_repository')
      .on('repository_labels')
      .column('repository_id')
      .execute();

    await db.schema
      .createTable('stale_facts')
      .addColumn('repository_id', integer, (column) =>
        column.primaryKey().references('repositories.id').onDelete('cascade'),
      )
      .execute();
    await sql`insert into stale_facts (repository_id) select id from repositories`.execute(db);
  },
};
