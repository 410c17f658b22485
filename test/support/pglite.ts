import { PGlite } from '@electric-sql/pglite';
import { PGliteDialect } from 'kysely';
import { openDatabaseOn } from '../../server/db/database.ts';
import type { Database } from '../../server/db/stores.ts';

/** The hub's database on PostgreSQL's own code in this process. Starting it takes seconds, so tests share one. */
export interface PgliteDatabase {
  readonly db: Database;
  /** Delete every row of every table of the hub. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export async function openPglite(): Promise<PgliteDatabase> {
  const pglite = new PGlite();
  const db = await openDatabaseOn(new PGliteDialect({ pglite }));
  const { rows } = await pglite.query<{ tablename: string }>(
    "select tablename from pg_tables where schemaname = 'public' and tablename <> 'schema_versions'",
  );
  const tables = rows.map(({ tablename }) => `"${tablename}"`).join(', ');
  return {
    db,
    empty: async () => {
      await pglite.exec(`truncate ${tables} restart identity cascade`);
    },
    close: () => db.close(),
  };
}
