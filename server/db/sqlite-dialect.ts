import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely';
import { HubError } from '../domain/errors.ts';
import { currentTransaction, type TransactionScope } from '../platform/transaction-scope.ts';
import type { SqliteConnection, SqliteStatement } from './sqlite.ts';
import type { TurnBudget } from './turn-budget.ts';

/** Preparing a statement costs several times what running it does; the hub asks a few hundred different ones. */
const KEPT_STATEMENTS = 500;

/** One SQLite connection that Kysely asks through, used by one transaction at a time. */
export interface SqliteSeat {
  readonly dialect: Dialect;
  begin(): void;
  /** From now on only code running inside this scope is answered, until the transaction ends. */
  occupy(scope: TransactionScope): void;
  /** Mark a place in the transaction to which what follows can be undone. */
  savepoint(): void;
  releaseSavepoint(): void;
  undoSavepoint(): void;
  commit(): void;
  /** Undo and end the transaction; fine when SQLite has ended it by itself. */
  rollback(): void;
}

export function createSqliteSeat(
  connection: SqliteConnection,
  beginSql: 'begin' | 'begin immediate',
  budget: TurnBudget,
): SqliteSeat {
  const statement = createStatementCache(connection);
  let owner: TransactionScope | undefined;

  const execute = (query: CompiledQuery): QueryResult<never> => {
    // A question that outlives its transaction would otherwise run inside somebody else's.
    if (owner === undefined || currentTransaction() !== owner) {
      throw new HubError('Internal', 'A question was asked outside its transaction.');
    }
    const prepared = statement(query.sql);
    if (prepared.reader) return { rows: prepared.all(query.parameters) as never[] };
    return { rows: [], numAffectedRows: BigInt(prepared.run(query.parameters).changes) };
  };

  const kyselyConnection: DatabaseConnection = {
    executeQuery: async (query) => {
      const pause = budget.spend();
      if (pause) await pause;
      return execute(query);
    },
    streamQuery: () => {
      throw new HubError('NotSupported', 'Results are paged, not streamed.');
    },
  };

  return {
    dialect: dialectOver(kyselyConnection, connection),
    begin: () => {
      statement(beginSql).run();
    },
    occupy: (scope) => {
      owner = scope;
    },
    savepoint: () => {
      statement('savepoint member').run();
    },
    releaseSavepoint: () => {
      owner = undefined;
      statement('release member').run();
    },
    undoSavepoint: () => {
      owner = undefined;
      statement('rollback to member').run();
      statement('release member').run();
    },
    commit: () => {
      owner = undefined;
      statement('commit').run();
    },
    rollback: () => {
      owner = undefined;
      if (connection.inTransaction) statement('rollback').run();
    },
  };
}

function createStatementCache(connection: SqliteConnection): (text: string) => SqliteStatement {
  const kept = new Map<string, SqliteStatement>();
  return (text) => {
    const known = kept.get(text);
    if (known) return known;
    const prepared = connection.prepare(text);
    if (kept.size >= KEPT_STATEMENTS) {
      const oldest = kept.keys().next();
      if (!oldest.done) kept.delete(oldest.value);
    }
    kept.set(text, prepared);
    return prepared;
  };
}

/** Transactions are begun by the seat, never by Kysely, whose own mutex is not needed either. */
class SeatAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

function dialectOver(kyselyConnection: DatabaseConnection, connection: SqliteConnection): Dialect {
  const refuse = (): Promise<never> =>
    Promise.reject(new HubError('Internal', 'Transactions are opened by the database alone.'));
  const driver: Driver = {
    init: () => Promise.resolve(),
    acquireConnection: () => Promise.resolve(kyselyConnection),
    releaseConnection: () => Promise.resolve(),
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    destroy: () => {
      connection.close();
      return Promise.resolve();
    },
  };
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SeatAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}
