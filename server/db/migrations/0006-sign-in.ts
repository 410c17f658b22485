import type { Kysely } from 'kysely';
import { newPublicId } from '../../platform/random.ts';
import type { SqlDialect } from '../dialect.ts';
import type { Tables } from '../tables.ts';
import type { Migration } from './migration.ts';

/**
 * Fine-grained tokens, names and places of sessions, and what OAuth needs: applications, what people granted to them,
 * and the codes that are under way.
 */
export const signIn: Migration = {
  name: '0006-sign-in',
  up: async (db, dialect) => {
    await createOAuth(db, dialect);
    await createCodes(db, dialect);
    await extendTokens(db, dialect);
    await extendSessions(db as Kysely<Tables>, dialect);
  },
};

async function createOAuth(db: Kysely<unknown>, { key, bytes, text, integer }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('oauth_apps')
    .addColumn('id', integer, key)
    .addColumn('public_id', text, (column) => column.notNull().unique())
    .addColumn('owner_id', integer, (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('secret_hash', bytes)
    .addColumn('redirect_uris', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('oauth_apps_by_owner').on('oauth_apps').column('owner_id').execute();

  await db.schema
    .createTable('oauth_grants')
    .addColumn('id', integer, key)
    .addColumn('public_id', text, (column) => column.notNull().unique())
    .addColumn('user_id', integer, (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('app_id', integer, (column) => column.references('oauth_apps.id').onDelete('cascade'))
    .addColumn('client_id', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('role', text, (column) => column.notNull())
    .addColumn('generation', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('oauth_grants_by_user').on('oauth_grants').column('user_id').execute();
  await db.schema.createIndex('oauth_grants_by_app').on('oauth_grants').column('app_id').execute();
}

async function createCodes(db: Kysely<unknown>, { key, bytes, text, integer }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('oauth_codes')
    .addColumn('id', integer, key)
    .addColumn('hash', bytes, (column) => column.notNull().unique())
    .addColumn('app_id', integer, (column) =>
      column.notNull().references('oauth_apps.id').onDelete('cascade'),
    )
    .addColumn('user_id', integer, (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('redirect_uri', text, (column) => column.notNull())
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('nonce', text)
    .addColumn('challenge', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .addColumn('grant_id', integer, (column) => column.references('oauth_grants.id').onDelete('cascade'))
    .execute();
  for (const column of ['app_id', 'user_id', 'grant_id', 'expires_at'])
    await db.schema.createIndex(`oauth_codes_by_${column}`).on('oauth_codes').column(column).execute();

  await db.schema
    .createTable('device_codes')
    .addColumn('id', integer, key)
    .addColumn('hash', bytes, (column) => column.notNull().unique())
    .addColumn('user_code', text, (column) => column.notNull().unique())
    .addColumn('client_id', text, (column) => column.notNull())
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('source', text, (column) => column.notNull())
    .addColumn('client', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .addColumn('decided_by', integer, (column) => column.references('users.id').onDelete('cascade'))
    .addColumn('is_approved', integer, (column) => column.notNull())
    .execute();
  for (const column of ['source', 'decided_by', 'expires_at'])
    await db.schema.createIndex(`device_codes_by_${column}`).on('device_codes').column(column).execute();
}

async function extendTokens(db: Kysely<unknown>, { key, text, integer }: SqlDialect): Promise<void> {
  await db.schema
    .alterTable('access_tokens')
    .addColumn('grant_id', integer, (column) => column.references('oauth_grants.id').onDelete('cascade'))
    .execute();
  await db.schema.createIndex('access_tokens_by_grant').on('access_tokens').column('grant_id').execute();

  await db.schema
    .createTable('token_reaches')
    .addColumn('id', integer, key)
    .addColumn('token_id', integer, (column) =>
      column.notNull().references('access_tokens.id').onDelete('cascade'),
    )
    .addColumn('repository_id', integer, (column) => column.references('repositories.id').onDelete('cascade'))
    .addColumn('namespace_id', integer, (column) => column.references('namespaces.id').onDelete('cascade'))
    .addColumn('level', text, (column) => column.notNull())
    .execute();
  for (const column of ['token_id', 'repository_id', 'namespace_id'])
    await db.schema.createIndex(`token_reaches_by_${column}`).on('token_reaches').column(column).execute();
}

/** Sessions that were there before get an id too, and no place. */
async function extendSessions(db: Kysely<Tables>, { text }: SqlDialect): Promise<void> {
  await db.schema
    .alterTable('sessions')
    .addColumn('public_id', text, (column) => column.notNull().defaultTo(''))
    .execute();
  await db.schema
    .alterTable('sessions')
    .addColumn('place', text, (column) => column.notNull().defaultTo(''))
    .execute();
  for (const { id } of await db.selectFrom('sessions').select('id').execute())
    await db.updateTable('sessions').set({ public_id: newPublicId() }).where('id', '=', id).execute();
  await db.schema.createIndex('sessions_by_public_id').on('sessions').column('public_id').unique().execute();
}
