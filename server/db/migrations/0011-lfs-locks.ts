import type { Migration } from './migration.ts';

/** Files that somebody asked others to leave alone (git-lfs locking API). A path is locked once in a repository. */
export const lfsLocks: Migration = {
  name: '0011-lfs-locks',
  up: async (db, { text, integer, key }) => {
    await db.schema
      .createTable('lfs_locks')
      .addColumn('id', integer, key)
      .addColumn('public_id', text, (column) => column.notNull().unique())
      .addColumn('repository_id', integer, (column) =>
        column.notNull().references('repositories.id').onDelete('cascade'),
      )
      .addColumn('path', text, (column) => column.notNull())
      .addColumn('owner_id', integer, (column) => column.notNull().references('users.id').onDelete('cascade'))
      .addColumn('locked_at', integer, (column) => column.notNull())
      .addUniqueConstraint('lfs_locks_by_path', ['repository_id', 'path'])
      .execute();
    await db.schema.createIndex('lfs_locks_by_owner').on('lfs_locks').column('owner_id').execute();
  },
};
