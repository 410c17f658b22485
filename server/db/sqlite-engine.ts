import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Kysely } from 'kysely';
import { HubError } from '../domain/errors.ts';
import { runInTransactionScope } from '../platform/transaction-scope.ts';
import { sqliteDialect } from './dialect.ts';
import type { Engine } from './engine.ts';
import { createCheckpoints } from './checkpoints.ts';
import { createExclusiveQueue, type ExclusiveQueue } from './exclusive-queue.ts';
import { createSqliteSeat, type SqliteSeat } from './sqlite-dialect.ts';
import {
  isStorageFailure,
  openSqliteRole,
  settingProblems,
  sqliteProblem,
  type SqliteConnection,
  type SqliteFile,
} from './sqlite.ts';
import type { Tables } from './tables.ts';
import { createSqliteWriter } from './sqlite-writer.ts';
import { createTurnBudget, type TurnBudget } from './turn-budget.ts';

/** Only the hub's own account may read what holds password hashes. */
const FILE_MODE = 0o600;

interface Role {
  readonly connection: SqliteConnection;
  readonly seat: SqliteSeat;
  readonly db: Kysely<Tables>;
  readonly queue: ExclusiveQueue;
}

/**
 * SQLite with one writing connection and one reading connection, each with its own queue: in WAL mode readers go
 * on while a writer is open. Writes that wait at the same time are committed together.
 */
export function openSqliteEngine(file: SqliteFile): Engine {
  makeFile(file.file);
  const budget = createTurnBudget();
  const writer = openRole(file, 'write', budget);
  const reader = openReader(file, writer, budget);
  const checkpoints = createCheckpoints({ file, ...writer });
  const writes = createSqliteWriter({ ...writer, onCommitted: checkpoints.noteCommit });
  let isClosed = false;

  const read = <Result>(work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result> =>
    reader.queue.run(() =>
      runInTransactionScope('read', async (scope) => {
        const { seat } = reader;
        try {
          seat.begin();
          seat.occupy(scope);
          const result = await work(reader.db);
          seat.commit();
          return result;
        } catch (error) {
          seat.rollback();
          throw sqliteProblem(error);
        }
      }),
    );

  return {
    dialect: sqliteDialect,

    transact: async (mode, work) => {
      if (isClosed) throw new HubError('Unavailable', 'The database is closed.');
      return mode === 'write' ? writes.write(work) : read(work);
    },

    version: () => writes.version(),

    backUp: (version) =>
      writer.queue.run(async () => {
        const copy = `${file.file}.schema-${version}.backup`;
        const unfinished = `${copy}.tmp`;
        rmSync(unfinished, { force: true });
        makeFile(unfinished);
        await writer.connection.backup(unfinished);
        renameSync(unfinished, copy);
      }),

    check: () => reader.queue.run(() => checkFile(writer.connection, reader.connection)),

    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await writer.queue.run(checkpoints.close);
      // The reader first: the last connection to close moves the log into the database and removes it.
      for (const role of [reader, writer]) {
        await role.queue.run(() => {
          role.connection.close();
          return Promise.resolve();
        });
      }
    },
  };
}

function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'a', FILE_MODE));
  } catch (cause) {
    throw new HubError('Unavailable', 'The database file cannot be written.', { details: { file }, cause });
  }
}

function openRole(file: SqliteFile, mode: 'read' | 'write', budget: TurnBudget): Role {
  const connection = openSqliteRole(file, mode);
  const seat = createSqliteSeat(connection, mode === 'write' ? 'begin immediate' : 'begin', budget);
  return {
    connection,
    seat,
    db: new Kysely<Tables>({ dialect: seat.dialect }),
    queue: createExclusiveQueue(),
  };
}

function openReader(file: SqliteFile, writer: Role, budget: TurnBudget): Role {
  try {
    return openRole(file, 'read', budget);
  } catch (error) {
    writer.connection.close();
    throw error;
  }
}

async function checkFile(writer: SqliteConnection, reader: SqliteConnection): Promise<readonly string[]> {
  const problems = [...settingProblems(writer), ...settingProblems(reader)];
  try {
    const tables = reader
      .prepare("select name from sqlite_schema where type = 'table'")
      .pluck()
      .all() as string[];
    for (const table of tables) {
      // One table at a time, so that other work gets its turns in between.
      await nextTurn();
      for (const row of reader.pragma(`integrity_check('${table}')`) as { integrity_check: string }[]) {
        if (row.integrity_check !== 'ok') problems.push(`SQLite: ${table}: ${row.integrity_check}`);
      }
    }
    problems.push(...orphanProblems(reader));
  } catch (error) {
    // Damage can be such that SQLite cannot even say where it is.
    if (!isStorageFailure(error)) throw error;
    problems.push(
      `SQLite: the check itself failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return problems;
}

function orphanProblems(connection: SqliteConnection): readonly string[] {
  const orphans = connection.pragma('foreign_key_check') as {
    table: string;
    rowid: number | null;
    parent: string;
  }[];
  return orphans.map(
    ({ table, rowid, parent }) =>
      `SQLite: row ${rowid ?? '?'} of ${table} names a row of ${parent} that does not exist`,
  );
}
