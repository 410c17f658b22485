import type { Dialect } from 'kysely';
import { HubError } from '../domain/errors.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import { insideTransaction } from '../platform/transaction-scope.ts';
import { createStores } from './create-stores.ts';
import type { Engine } from './engine.ts';
import { migrate } from './migrate.ts';
import { openPostgresEngine } from './postgres-engine.ts';
import { openSqliteEngine } from './sqlite-engine.ts';
import type { Database } from './stores.ts';
import { createWatchdog, type TransactionReport } from './watchdog.ts';

export interface DatabaseOptions {
  readonly clock?: Clock;
  /** Told of every transaction that stays open longer than 50 ms. */
  readonly onLongTransaction?: (report: TransactionReport) => void;
}

export interface SqliteLocation {
  readonly kind: 'sqlite';
  /** The database file; it is made when absent, its folder must exist. */
  readonly file: string;
  /** Path of better-sqlite3's native module, where a packaged app keeps it. */
  readonly nativeBinding?: string | undefined;
}

/**
 * Open the metadata database and bring its schema up to date. Throws `NotSupported` when its schema is newer than
 * this program, `Unavailable` when it cannot be opened safely.
 */
export const openDatabase = async (
  location: SqliteLocation,
  options: DatabaseOptions = {},
): Promise<Database> => openOn(openSqliteEngine(location), options);

/** The same database on PostgreSQL, through any Kysely dialect that speaks its SQL. */
export const openDatabaseOn = async (dialect: Dialect, options: DatabaseOptions = {}): Promise<Database> =>
  openOn(openPostgresEngine(dialect), options);

async function openOn(engine: Engine, options: DatabaseOptions): Promise<Database> {
  const clock = options.clock ?? systemClock;
  try {
    await migrate(engine, clock.now());
  } catch (error) {
    await engine.close();
    throw error;
  }
  const watch = createWatchdog(clock, options.onLongTransaction);
  const storesOf = createStores(engine.dialect);

  const run = async <Result>(
    mode: 'read' | 'write',
    work: (stores: ReturnType<typeof storesOf>) => Promise<Result>,
  ): Promise<Result> => {
    if (insideTransaction()) {
      throw new HubError('Internal', 'A transaction cannot be opened inside another one.');
    }
    return engine.transact(mode, (db) => watch(mode, () => work(storesOf(db))));
  };

  return {
    dialect: engine.dialect.name,
    read: (work) => run('read', work),
    write: (work) => run('write', work),
    version: () => engine.version(),
    check: () => engine.check(),
    close: () => engine.close(),
  };
}
