import BetterSqlite3 from 'better-sqlite3';
import { HubError } from '../domain/errors.ts';

/** One open SQLite connection. */
export type SqliteConnection = BetterSqlite3.Database;
export type SqliteStatement = BetterSqlite3.Statement;

/** Before this release two connections could damage a database in WAL mode (sqlite.org, "WAL-reset bug"). */
const OLDEST_SAFE_LIBRARY = [3, 51, 3] as const;
const BUSY_TIMEOUT_MS = 5_000;
const FULL = 2;
/**
 * Pages of the log after which a commit itself moves them into the database: 64 MiB, which it reaches only when the thread
 * of `checkpoints.ts` does not get to it.
 */
const CHECKPOINT_PAGES = 16_384;
const MAX_IDLE_LOG_BYTES = 16 * 1024 * 1024;
const CACHE_KIB = { write: 8 * 1024, read: 16 * 1024 };

export interface SqliteFile {
  readonly file: string;
  /** Path of the native module, where it does not lie in the package (a packaged app). */
  readonly nativeBinding?: string | undefined;
}

/** Open a file with SQLite's own defaults. Throws `Unavailable` when it cannot be opened. */
export function openSqliteFile(
  { file, nativeBinding }: SqliteFile,
  options: { readonly readonly?: boolean; readonly timeoutMs?: number } = {},
): SqliteConnection {
  try {
    return new BetterSqlite3(file, {
      readonly: options.readonly ?? false,
      timeout: options.timeoutMs ?? BUSY_TIMEOUT_MS,
      ...(nativeBinding === undefined ? {} : { nativeBinding }),
    });
  } catch (cause) {
    throw new HubError('Unavailable', 'The database file cannot be opened.', { details: { file }, cause });
  }
}

/**
 * Open the hub's database for one role, with every setting that durability rests on. The first connection to a
 * new file must be the writing one. Throws `Unavailable` when a setting does not hold.
 */
export function openSqliteRole(file: SqliteFile, role: 'read' | 'write'): SqliteConnection {
  const connection = openSqliteFile(file, { readonly: role === 'read' });
  try {
    if (role === 'write') {
      connection.pragma('journal_mode = WAL');
      connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      connection.pragma(`journal_size_limit = ${MAX_IDLE_LOG_BYTES}`);
    }
    // Per connection, not per file: the library is built to fall back to NORMAL in WAL mode, which can lose
    // acknowledged commits when the power goes.
    connection.pragma('synchronous = FULL');
    connection.pragma('foreign_keys = ON');
    connection.pragma(`cache_size = -${CACHE_KIB[role]}`);
    connection.pragma('temp_store = MEMORY');
    connection.pragma('trusted_schema = OFF');
    const [problem] = settingProblems(connection);
    if (problem !== undefined) throw new HubError('Unavailable', problem, { details: { file: file.file } });
    return connection;
  } catch (error) {
    connection.close();
    throw sqliteProblem(error);
  }
}

/** What is wrong with a connection's settings or library; empty when all is well. */
export function settingProblems(connection: SqliteConnection): readonly string[] {
  const problems: string[] = [];
  const setting = (name: string): unknown => connection.pragma(name, { simple: true });
  const expect = (name: string, wanted: unknown): void => {
    const found = setting(name);
    if (found !== wanted) problems.push(`SQLite: ${name} is ${String(found)}, not ${String(wanted)}`);
  };
  expect('journal_mode', 'wal');
  expect('synchronous', FULL);
  expect('foreign_keys', 1);
  const version = connection.prepare('select sqlite_version()').pluck().get() as string;
  if (isOlder(version, OLDEST_SAFE_LIBRARY)) {
    problems.push(`SQLite: library ${version} is older than ${OLDEST_SAFE_LIBRARY.join('.')}`);
  }
  return problems;
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, wanted] of than.entries()) {
    const found = parts[index] ?? 0;
    if (found !== wanted) return found < wanted;
  }
  return false;
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof BetterSqlite3.SqliteError ? error.code : undefined;

/** True when the file or its disk can no longer be trusted to keep what is written. */
export function isStorageFailure(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && /^SQLITE_(IOERR|CORRUPT|NOTADB|READONLY)/.test(code);
}

/** The hub's error for what SQLite reports about its surroundings; everything else is returned as it is. */
export function sqliteProblem(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  if (code.startsWith('SQLITE_FULL')) {
    return new HubError('InsufficientStorage', 'The disk that holds the database is full.', { cause: error });
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return new HubError('Unavailable', 'The database is busy. Try again.', { cause: error });
  }
  if (isStorageFailure(error)) {
    return new HubError('Unavailable', 'The database cannot be read or written.', { cause: error });
  }
  return error;
}
