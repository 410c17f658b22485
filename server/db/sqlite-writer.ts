import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kysely } from 'kysely';
import { HubError } from '../domain/errors.ts';
import { runInTransactionScope } from '../platform/transaction-scope.ts';
import type { ExclusiveQueue } from './exclusive-queue.ts';
import type { SqliteSeat } from './sqlite-dialect.ts';
import { isStorageFailure, sqliteProblem, type SqliteConnection } from './sqlite.ts';
import type { Tables } from './tables.ts';

/** A group ends with its current member once it is this old or this large: nobody waits long for the others. */
const GROUP_MS = 10;
const GROUP_MEMBERS = 64;

/** Writes that wait for the connection at the same time, committed with one sync of the disk. */
export interface SqliteWriter {
  /** Committed durably when this resolves; undone, alone, when the work throws. */
  write<Result>(work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result>;
  /** As `Database.version`. */
  version(): number;
}

interface Member {
  /** Do the work, and say what is to happen once the group is committed. Throws what the work throws. */
  run(): Promise<() => void>;
  reject(reason: unknown): void;
}

/**
 * A commit waits for the disk, and that takes longer than most of the writes themselves. So those that wait in line
 * share a transaction: each is a savepoint of its own, sees what those before it wrote, and is answered when all of
 * it is on the disk.
 */
export function createSqliteWriter(parts: {
  readonly connection: SqliteConnection;
  readonly seat: SqliteSeat;
  readonly db: Kysely<Tables>;
  readonly queue: ExclusiveQueue;
  /** Called after each commit. Where it answers a promise, the next transaction waits for that. */
  onCommitted(): Promise<void> | undefined;
}): SqliteWriter {
  const { connection, seat, db, queue, onCommitted } = parts;
  const waiting: Member[] = [];
  let failure: HubError | undefined;
  let commits = 0;

  /** After a failed write or sync nobody knows what is on the disk, and SQLite itself would go on. */
  function problemOf(error: unknown): unknown {
    if (isStorageFailure(error)) {
      failure = new HubError(
        'Unavailable',
        'The disk that holds the database failed. The hub takes no changes until it is restarted and checked.',
        { cause: error },
      );
    }
    return sqliteProblem(error);
  }

  async function runGroup(): Promise<void> {
    // An earlier group may have taken along whoever this turn was for.
    const first = waiting.shift();
    if (!first) return;
    const started = performance.now();
    const done: { readonly member: Member; readonly answer: () => void }[] = [];
    try {
      if (failure) throw failure;
      seat.begin();
      for (let next: Member | undefined = first; next; next = waiting.shift()) {
        const answer = await runMember(next);
        if (answer) done.push({ member: next, answer });
        if (done.length >= GROUP_MEMBERS || performance.now() - started > GROUP_MS) break;
      }
      // Counted first: after a commit that fails halfway, what was read before may be untrue as well.
      commits += 1;
      seat.commit();
    } catch (error) {
      seat.rollback();
      const problem = problemOf(error);
      if (!done.some(({ member }) => member === first)) first.reject(problem);
      for (const { member } of done) member.reject(problem);
      return;
    }
    for (const { answer } of done) answer();
    await onCommitted();
  }

  /** One member's work; undefined when it was undone and rejected. Throws when SQLite gave up the whole group. */
  async function runMember(member: Member): Promise<(() => void) | undefined> {
    seat.savepoint();
    try {
      const answer = await member.run();
      seat.releaseSavepoint();
      return answer;
    } catch (error) {
      member.reject(problemOf(error));
      // Some failures, such as a full disk, make SQLite end the transaction by itself.
      if (!connection.inTransaction || failure) throw error;
      seat.undoSavepoint();
      return undefined;
    }
  }

  return {
    version: () => commits,

    write: <Result>(work: (handle: Kysely<Tables>) => Promise<Result>): Promise<Result> =>
      new Promise<Result>((resolve, reject) => {
        // Whoever leads the group runs this: in the context of the one who asked, all the same.
        const inOwnContext = AsyncLocalStorage.snapshot();
        const run = (): Promise<() => void> =>
          runInTransactionScope('write', async (scope) => {
            seat.occupy(scope);
            const result = await work(db);
            return () => resolve(result);
          });
        waiting.push({ run: () => inOwnContext(run), reject });
        queue.run(runGroup).catch(reject);
      }),
  };
}
