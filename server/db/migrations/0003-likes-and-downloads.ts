import type { Migration } from './migration.ts';

/**
 * Who likes what, and how often each repository was downloaded on each day. A user's likes are no cascade of theirs:
 * taking one back moves the counter of its repository, so they have to be taken back before the user goes.
 */
export const likesAndDownloads: Migration = {
  name: '0003-likes-and-downloads',
  up: async (db, { key, integer, clustered }) => {
    await db.schema
      .createTable('likes')
      .addColumn('id', integer, key)
      .addColumn('repository_id', integer, (column) =>
        column.notNull().references('repositories.id').onDelete('cascade'),
      )
      .addColumn('user_id', integer, (column) => column.notNull().references('users.id'))
      .addColumn('created_at', integer, (column) => column.notNull())
      .addUniqueConstraint('likes_unique', ['repository_id', 'user_id'])
      .execute();
    await db.schema.createIndex('likes_in_order').on('likes').columns(['repository_id', 'id']).execute();
    await db.schema.createIndex('likes_by_user').on('likes').columns(['user_id', 'id']).execute();

    await db.schema
      .createTable('download_days')
      .addColumn('repository_id', integer, (column) =>
        column.notNull().references('repositories.id').onDelete('cascade'),
      )
      .addColumn('day', integer, (column) => column.notNull())
      .addColumn('downloads', integer, (column) => column.notNull())
      .addColumn('authenticated', integer, (column) => column.notNull())
      .addColumn('files', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('download_days_key', ['repository_id', 'day'])
      .modifyEnd(clustered)
      .execute();
    await db.schema.createIndex('download_days_by_day').on('download_days').column('day').execute();
  },
};
