import { sql, type Kysely } from 'kysely';
import { HubError } from '../domain/errors.ts';
import type { SqlDialect } from './dialect.ts';
import { initial } from './migrations/0001-initial.ts';
import { counters } from './migrations/0002-counters.ts';
import { likesAndDownloads } from './migrations/0003-likes-and-downloads.ts';
import { facts } from './migrations/0004-facts.ts';
import { lifecycle } from './migrations/0005-lifecycle.ts';
import { signIn } from './migrations/0006-sign-in.ts';
import { uploads } from './migrations/0007-uploads.ts';
import { buckets } from './migrations/0008-buckets.ts';
import { reachability } from './migrations/0009-reachability.ts';
import { sshKeys } from './migrations/0010-ssh-keys.ts';
import { lfsLocks } from './migrations/0011-lfs-locks.ts';
import { closedPacks } from './migrations/0012-closed-packs.ts';
import type { Migration } from './migrations/migration.ts';
import type { Tables } from './tables.ts';

/** Every step in order; the version of a schema is the number of steps it has seen. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  counters,
  likesAndDownloads,
  facts,
  lifecycle,
  signIn,
  uploads,
  buckets,
  reachability,
  sshKeys,
  lfsLocks,
  closedPacks,
];

/** What migrating needs of an engine. */
export interface MigrationTarget {
  readonly dialect: SqlDialect;
  transact<Result>(mode: 'read' | 'write', work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result>;
  /** Keep a copy of a database that has data, before its schema changes from `version`. */
  backUp(version: number): Promise<void>;
}

/**
 * Bring the schema to the newest version, each step in one transaction. Answers the version reached. Throws
 * `NotSupported`, touching nothing, when the schema is newer than this program.
 */
export async function migrate(
  target: MigrationTarget,
  now: number,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number> {
  const version = await target.transact('write', currentVersion);
  if (version > migrations.length) {
    throw new HubError(
      'NotSupported',
      `The database was last used by a newer version of Atoll (its schema is ${version}, this program knows ` +
        `${migrations.length}). Start that version, or restore a backup made before it.`,
      { details: { schemaVersion: version, knownVersion: migrations.length } },
    );
  }
  if (version > 0 && version < migrations.length) await target.backUp(version);
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    await target.transact('write', async (db) => {
      await migration.up(db as unknown as Kysely<unknown>, target.dialect);
      await db
        .insertInto('schema_versions')
        .values({ version: index + 1, name: migration.name, applied_at: now })
        .execute();
    });
  }
  return migrations.length;
}

async function currentVersion(db: Kysely<Tables>): Promise<number> {
  await db.schema
    .createTable('schema_versions')
    .ifNotExists()
    .addColumn('version', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('applied_at', 'bigint', (column) => column.notNull())
    .execute();
  const { version } = await db
    .selectFrom('schema_versions')
    .select(sql<number>`coalesce(max(version), 0)`.as('version'))
    .executeTakeFirstOrThrow();
  return version;
}
