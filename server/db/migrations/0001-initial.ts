import { sql, type Kysely } from 'kysely';
import type { SqlDialect } from '../dialect.ts';
import type { Migration } from './migration.ts';

/** Every table of the first release. */
export const initial: Migration = {
  name: '0001-initial',
  up: async (db, dialect) => {
    await createAccounts(db, dialect);
    await createRepositories(db, dialect);
    await createGitObjects(db, dialect);
    await createLargeObjects(db, dialect);
    await createXet(db, dialect);
    await createHistory(db, dialect);
    await createWork(db, dialect);
  },
};

async function createAccounts(db: Kysely<unknown>, { key, bytes, text, integer }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('namespaces')
    .addColumn('id', integer, key)
    .addColumn('public_id', text, (column) => column.notNull().unique())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('folded', text, (column) => column.notNull().unique())
    .addColumn('full_name', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('users')
    .addColumn('id', integer, (column) => column.primaryKey().references('namespaces.id').onDelete('cascade'))
    .addColumn('email', text)
    .addColumn('password_hash', text)
    .addColumn('is_admin', integer, (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('organizations')
    .addColumn('id', integer, (column) => column.primaryKey().references('namespaces.id').onDelete('cascade'))
    .addColumn('default_visibility', text, (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('memberships')
    .addColumn('organization_id', integer, (column) =>
      column.notNull().references('organizations.id').onDelete('cascade'),
    )
    .addColumn('user_id', integer, (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('role', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('memberships_key', ['organization_id', 'user_id'])
    .execute();
  await db.schema.createIndex('memberships_by_user').on('memberships').column('user_id').execute();

  await db.schema
    .createTable('access_tokens')
    .addColumn('id', integer, key)
    .addColumn('public_id', text, (column) => column.notNull().unique())
    .addColumn('user_id', integer, (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('role', text, (column) => column.notNull())
    .addColumn('prefix', text, (column) => column.notNull())
    .addColumn('hash', bytes, (column) => column.notNull().unique())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer)
    .addColumn('last_used_at', integer)
    .execute();
  await db.schema.createIndex('access_tokens_by_user').on('access_tokens').column('user_id').execute();

  await db.schema
    .createTable('sessions')
    .addColumn('id', integer, key)
    .addColumn('hash', bytes, (column) => column.notNull().unique())
    .addColumn('user_id', integer, (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('client', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('seen_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('sessions_by_user').on('sessions').column('user_id').execute();
}

async function createRepositories(
  db: Kysely<unknown>,
  { key, bytes, text, integer }: SqlDialect,
): Promise<void> {
  await db.schema
    .createTable('repositories')
    .addColumn('id', integer, key)
    .addColumn('public_id', text, (column) => column.notNull().unique())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('owner_id', integer, (column) => column.notNull().references('namespaces.id'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('folded', text, (column) => column.notNull())
    .addColumn('visibility', text, (column) => column.notNull())
    .addColumn('default_branch', text, (column) => column.notNull())
    .addColumn('created_by', integer, (column) => column.references('namespaces.id').onDelete('set null'))
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('updated_at', integer, (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('repositories_by_update')
    .on('repositories')
    .columns(['kind', 'updated_at', 'id'])
    .execute();
  await db.schema
    .createIndex('repositories_by_creation')
    .on('repositories')
    .columns(['kind', 'created_at', 'id'])
    .execute();
  await db.schema
    .createIndex('repositories_by_owner')
    .on('repositories')
    .columns(['owner_id', 'kind', 'updated_at', 'id'])
    .execute();
  await db.schema.createIndex('repositories_by_creator').on('repositories').column('created_by').execute();

  await db.schema
    .createTable('repository_names')
    .addColumn('id', integer, key)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('owner_id', integer, (column) =>
      column.notNull().references('namespaces.id').onDelete('cascade'),
    )
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('folded', text, (column) => column.notNull())
    .addColumn('is_redirect', integer, (column) => column.notNull())
    .addUniqueConstraint('repository_names_unique', ['owner_id', 'kind', 'folded'])
    .execute();
  await db.schema
    .createIndex('repository_names_by_repository')
    .on('repository_names')
    .column('repository_id')
    .execute();

  await db.schema
    .createTable('refs')
    .addColumn('id', integer, key)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('target', bytes, (column) => column.notNull())
    .addColumn('peeled', bytes)
    .addColumn('updated_at', integer, (column) => column.notNull())
    .addUniqueConstraint('refs_unique', ['repository_id', 'name'])
    .execute();

  await db.schema
    .createTable('commit_requests')
    .addColumn('id', integer, key)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('branch', text, (column) => column.notNull())
    .addColumn('fingerprint', bytes, (column) => column.notNull())
    .addColumn('commit_oid', bytes, (column) => column.notNull())
    .addColumn('parent_oid', bytes)
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('commit_requests_by_fingerprint')
    .on('commit_requests')
    .columns(['repository_id', 'branch', 'fingerprint', 'id'])
    .execute();
  await db.schema.createIndex('commit_requests_by_time').on('commit_requests').column('created_at').execute();
}

async function createGitObjects(
  db: Kysely<unknown>,
  { key, bytes, text, integer }: SqlDialect,
): Promise<void> {
  await db.schema
    .createTable('hot_objects')
    .addColumn('id', integer, key)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('oid', bytes, (column) => column.notNull())
    .addColumn('type', integer, (column) => column.notNull())
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('stored_bytes', integer, (column) => column.notNull())
    .addColumn('deflated', bytes, (column) => column.notNull())
    .addUniqueConstraint('hot_objects_unique', ['repository_id', 'oid'])
    .execute();
  await db.schema
    .createIndex('hot_objects_in_order')
    .on('hot_objects')
    .columns(['repository_id', 'id'])
    .execute();

  await db.schema
    .createTable('hot_object_totals')
    .addColumn('repository_id', integer, (column) =>
      column.primaryKey().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('object_count', integer, (column) => column.notNull())
    .addColumn('stored_bytes', integer, (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('packs')
    .addColumn('id', integer, key)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('pack_id', text, (column) => column.notNull())
    .addColumn('source', text, (column) => column.notNull())
    .addColumn('object_count', integer, (column) => column.notNull())
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('index_size_bytes', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addUniqueConstraint('packs_unique', ['repository_id', 'pack_id'])
    .execute();
}

async function createLargeObjects(
  db: Kysely<unknown>,
  { key, bytes, text, integer, clustered }: SqlDialect,
): Promise<void> {
  await db.schema
    .createTable('large_objects')
    .addColumn('id', integer, key)
    .addColumn('sha256', bytes, (column) => column.notNull().unique())
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('has_plain_form', integer, (column) => column.notNull())
    .addColumn('xet_hash', bytes)
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('large_objects_by_xet_hash').on('large_objects').column('xet_hash').execute();

  await db.schema
    .createTable('repository_objects')
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('object_id', integer, (column) => column.notNull().references('large_objects.id'))
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('repository_objects_key', ['repository_id', 'object_id'])
    .modifyEnd(clustered)
    .execute();
  await db.schema
    .createIndex('repository_objects_by_object')
    .on('repository_objects')
    .column('object_id')
    .execute();

  await db.schema
    .createTable('pending_objects')
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('object_id', integer, (column) => column.notNull().references('large_objects.id'))
    .addColumn('until', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('pending_objects_key', ['repository_id', 'object_id'])
    .modifyEnd(clustered)
    .execute();
  await db.schema
    .createIndex('pending_objects_by_object')
    .on('pending_objects')
    .column('object_id')
    .execute();
  await db.schema.createIndex('pending_objects_by_end').on('pending_objects').column('until').execute();

  await db.schema
    .createTable('uploads')
    .addColumn('id', integer, key)
    .addColumn('public_id', text, (column) => column.notNull().unique())
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('sha256', bytes, (column) => column.notNull())
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('part_size_bytes', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('uploads_by_object')
    .on('uploads')
    .columns(['repository_id', 'sha256'])
    .execute();
  await db.schema.createIndex('uploads_by_end').on('uploads').column('expires_at').execute();

  await db.schema
    .createTable('upload_parts')
    .addColumn('upload_id', integer, (column) =>
      column.notNull().references('uploads.id').onDelete('cascade'),
    )
    .addColumn('number', integer, (column) => column.notNull())
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('etag', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('upload_parts_key', ['upload_id', 'number'])
    .modifyEnd(clustered)
    .execute();
}

async function createXet(db: Kysely<unknown>, { key, bytes, integer, clustered }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('xorbs')
    .addColumn('id', integer, key)
    .addColumn('hash', bytes, (column) => column.notNull().unique())
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('raw_bytes', integer, (column) => column.notNull())
    .addColumn('chunk_count', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('xet_files')
    .addColumn('id', integer, key)
    .addColumn('hash', bytes, (column) => column.notNull().unique())
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('xet_terms')
    .addColumn('file_id', integer, (column) =>
      column.notNull().references('xet_files.id').onDelete('cascade'),
    )
    .addColumn('ordinal', integer, (column) => column.notNull())
    .addColumn('xorb_id', integer, (column) => column.notNull().references('xorbs.id'))
    .addColumn('chunk_start', integer, (column) => column.notNull())
    .addColumn('chunk_end', integer, (column) => column.notNull())
    .addColumn('unpacked_bytes', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('xet_terms_key', ['file_id', 'ordinal'])
    .modifyEnd(clustered)
    .execute();
  await db.schema.createIndex('xet_terms_by_xorb').on('xet_terms').column('xorb_id').execute();
}

async function createHistory(
  db: Kysely<unknown>,
  { key, bytes, text, integer, clustered }: SqlDialect,
): Promise<void> {
  await db.schema
    .createTable('history_chains')
    .addColumn('id', integer, key)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('parent_chain_id', integer, (column) =>
      column.references('history_chains.id').onDelete('cascade'),
    )
    .addColumn('parent_position', integer)
    .execute();
  await db.schema
    .createIndex('history_chains_by_repository')
    .on('history_chains')
    .column('repository_id')
    .execute();
  await db.schema
    .createIndex('history_chains_by_parent')
    .on('history_chains')
    .column('parent_chain_id')
    .execute();

  await db.schema
    .createTable('history_commits')
    .addColumn('id', integer, key)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('oid', bytes, (column) => column.notNull())
    .addColumn('chain_id', integer, (column) =>
      column.notNull().references('history_chains.id').onDelete('cascade'),
    )
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('first_parent', bytes)
    .addColumn('reachable', integer, (column) => column.notNull())
    .addColumn('is_linear', integer, (column) => column.notNull())
    .addUniqueConstraint('history_commits_by_oid', ['repository_id', 'oid'])
    .addUniqueConstraint('history_commits_by_position', ['chain_id', 'position'])
    .execute();

  await db.schema
    .createTable('path_changes')
    .addColumn('chain_id', integer, (column) =>
      column.notNull().references('history_chains.id').onDelete('cascade'),
    )
    .addColumn('path', text, (column) => column.notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('path_changes_key', ['chain_id', 'path', 'position'])
    .modifyEnd(clustered)
    .execute();
}

async function createWork(db: Kysely<unknown>, { key, text, integer }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('jobs')
    .addColumn('id', integer, key)
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('payload', text, (column) => column.notNull())
    .addColumn('run_at', integer, (column) => column.notNull())
    .addColumn('attempts', integer, (column) => column.notNull().defaultTo(0))
    .addColumn('lease_until', integer)
    .addColumn('problem', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('jobs_waiting')
    .unique()
    .on('jobs')
    .columns(['kind', 'key'])
    .where(sql.ref('lease_until'), 'is', null)
    .execute();
  await db.schema.createIndex('jobs_by_key').on('jobs').columns(['kind', 'key']).execute();
  await db.schema.createIndex('jobs_by_time').on('jobs').columns(['run_at', 'id']).execute();

  await db.schema
    .createTable('events')
    .addColumn('id', integer, key)
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('repository_id', integer)
    .addColumn('actor_id', integer)
    .addColumn('payload', text, (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('settings')
    .addColumn('key', text, (column) => column.primaryKey())
    .addColumn('value', text, (column) => column.notNull())
    .execute();
}
