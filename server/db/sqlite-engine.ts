import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Kysely } from 'kysely';
import { HubError } from '../domain/errors.ts';
import { runInTransactionScope } from '../platform/transaction-scope.ts';
import { sqliteDialect } from './dialect.ts';
import type { Engine } from './engine.ts';
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
 * on while a writer is open.
 */
export function openSqliteEngine(file: SqliteFile): Engine {
  closeSync(openSync(file.file, 'a', FILE_MODE));
  const budget = createTurnBudget();
  const writer = openRole(file, 'write', budget);
  const reader = openRole(file, 'read', budget);
  let refusal: HubError | undefined;

  const inTransaction = async <Result>(
    mode: 'read' | 'write',
    role: Role,
    work: (db: Kysely<Tables>) => Promise<Result>,
  ): Promise<Result> =>
    runInTransactionScope(mode, async (scope) => {
      role.seat.begin(scope);
      try {
        const result = await work(role.db);
        role.seat.commit();
        return result;
      } catch (error) {
        role.seat.rollback();
        throw error;
      }
    });

  return {
    dialect: sqliteDialect,

    transact: (mode, work) => {
      const role = mode === 'write' ? writer : reader;
      return role.queue.run(async () => {
        if (refusal && (mode === 'write' || !role.connection.open)) throw refusal;
        try {
          return await inTransaction(mode, role, work);
        } catch (error) {
          // After a failed write or fsync nobody knows what is on the disk, and SQLite itself would go on.
          if (mode === 'write' && isStorageFailure(error)) {
            refusal = new HubError(
              'Unavailable',
              'The disk that holds the database failed. The hub takes no changes until it is restarted and checked.',
              { cause: error },
            );
          }
          throw sqliteProblem(error);
        }
      });
    },

    backUp: (version) =>
      writer.queue.run(async () => {
        const copy = `${file.file}.schema-${version}.backup`;
        const unfinished = `${copy}.tmp`;
        rmSync(unfinished, { force: true });
        await writer.connection.backup(unfinished);
        renameSync(unfinished, copy);
      }),

    check: () => reader.queue.run(() => checkFile(writer.connection, reader.connection)),

    close: async () => {
      refusal = new HubError('Unavailable', 'The database is closed.');
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

async function checkFile(writer: SqliteConnection, reader: SqliteConnection): Promise<readonly string[]> {
  const problems = [...settingProblems(writer), ...settingProblems(reader)];
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
  const orphans = reader.pragma('foreign_key_check') as {
    table: string;
    rowid: number | null;
    parent: string;
  }[];
  for (const { table, rowid, parent } of orphans) {
    problems.push(`SQLite: row ${rowid ?? '?'} of ${table} names a row of ${parent} that does not exist`);
  }
  return problems;
}
