import type { Migration } from './migration.ts';

/** The files of buckets, and how many each has. A bucket itself is a row of `repositories` that has no git. */
export const buckets: Migration = {
  name: '0008-buckets',
  up: async (db, { text, integer, clustered }) => {
    await db.schema
      .createTable('bucket_totals')
      .addColumn('repository_id', integer, (column) =>
        column.primaryKey().references('repositories.id').onDelete('cascade'),
      )
      .addColumn('file_count', integer, (column) => column.notNull())
      .addColumn('size_bytes', integer, (column) => column.notNull())
      .execute();

    await db.schema
      .createTable('bucket_files')
      .addColumn('repository_id', integer, (column) =>
        column.notNull().references('repositories.id').onDelete('cascade'),
      )
      .addColumn('path', text, (column) => column.notNull())
      .addColumn('object_id', integer, (column) => column.notNull().references('large_objects.id'))
      .addColumn('modified_at', integer)
      .addColumn('content_type', text)
      .addColumn('uploaded_at', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('bucket_files_key', ['repository_id', 'path'])
      .modifyEnd(clustered)
      .execute();
    await db.schema
      .createIndex('bucket_files_by_object')
      .on('bucket_files')
      .columns(['repository_id', 'object_id'])
      .execute();
  },
};
