import { Kysely, sql, type Dialect } from 'kysely';
import { HubError } from '../domain/errors.ts';
import { currentTransaction, runInTransactionScope } from '../platform/transaction-scope.ts';
import { postgresDialect } from './dialect.ts';
import type { Engine } from './engine.ts';
import type { Tables } from './tables.ts';

/** Any number that nothing else in the database uses as an advisory lock. */
const WRITER_LOCK = 8_790_001;

/**
 * PostgreSQL, or what speaks its SQL, behind a Kysely dialect. Writers take turns by an advisory lock, as they do
 * on SQLite: whatever a transaction has read is still so when it writes. Reads are snapshots and wait for nobody.
 */
export function openPostgresEngine(dialect: Dialect): Engine {
  const db = new Kysely<Tables>({ dialect });
  let isClosed = false;

  return {
    dialect: postgresDialect,

    transact: async (mode, work) => {
      if (isClosed) throw new HubError('Unavailable', 'The database is closed.');
      return db.transaction().execute((transaction) =>
        runInTransactionScope(mode, async (scope) => {
          if (mode === 'read') {
            await sql`set transaction isolation level repeatable read, read only`.execute(transaction);
          } else {
            await sql`select pg_advisory_xact_lock(${sql.lit(WRITER_LOCK)})`.execute(transaction);
          }
          return work(
            transaction.withPlugin({
              transformQuery: ({ node }) => {
                if (currentTransaction() !== scope) {
                  throw new HubError('Internal', 'A question was asked outside its transaction.');
                }
                return node;
              },
              transformResult: ({ result }) => Promise.resolve(result),
            }),
          );
        }),
      );
    },

    version: () => undefined,

    // A server's backups belong to whoever runs it.
    backUp: () => Promise.resolve(),

    check: async () => {
      const invalid = await sql<{ name: string }>`
        select conname as name from pg_constraint where not convalidated
        union all
        select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid
      `.execute(db);
      return invalid.rows.map(({ name }) => `PostgreSQL: ${name} is not valid`);
    },

    close: async () => {
      isClosed = true;
      await db.destroy();
    },
  };
}
