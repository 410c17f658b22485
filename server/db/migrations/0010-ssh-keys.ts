import type { Migration } from './migration.ts';

/** Public keys for SSH. Each is that of one user, or lets into one repository: that is what `fingerprint` is unique for. */
export const sshKeys: Migration = {
  name: '0010-ssh-keys',
  up: async (db, { key, bytes, text, integer }) => {
    await db.schema
      .createTable('ssh_keys')
      .addColumn('id', integer, key)
      .addColumn('public_id', text, (column) => column.notNull().unique())
      .addColumn('fingerprint', bytes, (column) => column.notNull().unique())
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('blob', bytes, (column) => column.notNull())
      .addColumn('title', text, (column) => column.notNull())
      .addColumn('user_id', integer, (column) => column.references('users.id').onDelete('cascade'))
      .addColumn('repository_id', integer, (column) =>
        column.references('repositories.id').onDelete('cascade'),
      )
      .addColumn('level', text)
      .addColumn('added_by', integer, (column) => column.references('namespaces.id').onDelete('set null'))
      .addColumn('created_at', integer, (column) => column.notNull())
      .addColumn('last_used_at', integer)
      .execute();
    for (const column of ['user_id', 'repository_id', 'added_by'])
      await db.schema.createIndex(`ssh_keys_by_${column}`).on('ssh_keys').column(column).execute();
  },
};
