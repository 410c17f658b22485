import type { Migration } from './migration.ts';

/**
 * What uploads leave to be found again: chunks by which clients and the hub find xorbs and large objects with the same
 * content, where a large file was committed first, and which large files were removed for good.
 */
export const uploads: Migration = {
  name: '0007-uploads',
  up: async (db, { bytes, text, integer, clustered }) => {
    await db.schema
      .createTable('xorb_samples')
      .addColumn('hash', bytes, (column) => column.notNull())
      .addColumn('xorb_id', integer, (column) => column.notNull().references('xorbs.id').onDelete('cascade'))
      .addPrimaryKeyConstraint('xorb_samples_key', ['hash', 'xorb_id'])
      .modifyEnd(clustered)
      .execute();
    await db.schema.createIndex('xorb_samples_by_xorb').on('xorb_samples').column('xorb_id').execute();

    await db.schema
      .createTable('object_samples')
      .addColumn('hash', bytes, (column) => column.notNull())
      .addColumn('object_id', integer, (column) =>
        column.notNull().references('large_objects.id').onDelete('cascade'),
      )
      .addPrimaryKeyConstraint('object_samples_key', ['hash', 'object_id'])
      .modifyEnd(clustered)
      .execute();
    await db.schema
      .createIndex('object_samples_by_object')
      .on('object_samples')
      .column('object_id')
      .execute();

    await db.schema.alterTable('large_objects').addColumn('examined_at', integer).execute();
    await db.schema
      .createIndex('large_objects_by_examination')
      .on('large_objects')
      .columns(['examined_at', 'id'])
      .execute();

    for (const [column, type] of [
      ['path', text],
      ['ref', text],
      ['pusher_id', integer],
    ] as const) {
      await db.schema.alterTable('repository_objects').addColumn(column, type).execute();
    }

    await db.schema
      .createTable('removed_objects')
      .addColumn('repository_id', integer, (column) =>
        column.notNull().references('repositories.id').onDelete('cascade'),
      )
      .addColumn('sha256', bytes, (column) => column.notNull())
      .addColumn('removed_at', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('removed_objects_key', ['repository_id', 'sha256'])
      .modifyEnd(clustered)
      .execute();
  },
};
