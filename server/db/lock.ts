import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conflict, HubError } from '../domain/errors.ts';
import { openSqliteFile } from './sqlite.ts';

const LOCK_FILE = 'lock.db';
/** Who holds the lock: the lock itself keeps everyone from reading `lock.db`. */
const HOLDER_FILE = 'lock.json';

/** The process that holds a data folder. */
export interface LockHolder {
  readonly pid: number;
  readonly program: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface FolderLock {
  /** Let go of the folder. The system does the same when the process ends in any way. */
  release(): void;
}

/**
 * Take a data folder for this process: an exclusive transaction on `lock.db` that stays open. Throws `Conflict`
 * with the holder in its details when another process has the folder.
 */
export function acquireLock(
  folder: string,
  holder: LockHolder,
  options: { readonly nativeBinding?: string | undefined } = {},
): FolderLock {
  const connection = openSqliteFile(
    { file: join(folder, LOCK_FILE), nativeBinding: options.nativeBinding },
    { timeoutMs: 0 },
  );
  try {
    connection.exec('begin exclusive');
  } catch (cause) {
    connection.close();
    throw isBusy(cause) ? heldBy(readHolder(folder), folder) : cannotLock(folder, cause);
  }
  try {
    writeHolder(folder, holder);
  } catch (cause) {
    connection.close();
    throw cannotLock(folder, cause);
  }
  return {
    release: () => {
      if (!connection.open) return;
      rmSync(join(folder, HOLDER_FILE), { force: true });
      connection.close();
    },
  };
}

/** Who says to hold a folder; undefined when nobody does. Only a process that failed to lock it can trust this. */
export function readHolder(folder: string): LockHolder | undefined {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(join(folder, HOLDER_FILE), 'utf8'));
  } catch {
    // Absent, or being replaced this moment: nothing is lost but the name in a sentence.
    return undefined;
  }
  return isHolder(found) ? found : undefined;
}

function isHolder(value: unknown): value is LockHolder {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, program, startedAt } = value as Record<string, unknown>;
  return typeof pid === 'number' && typeof program === 'string' && typeof startedAt === 'number';
}

function writeHolder(folder: string, { pid, program, startedAt }: LockHolder): void {
  const file = join(folder, HOLDER_FILE);
  writeFileSync(`${file}.tmp`, JSON.stringify({ pid, program, startedAt }), { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');

function heldBy(holder: LockHolder | undefined, folder: string): HubError {
  if (!holder) return conflict('Another process uses this data folder.', { folder });
  const since = new Date(holder.startedAt).toISOString();
  return conflict(`${holder.program} (process ${holder.pid}) has used this data folder since ${since}.`, {
    folder,
    holder,
  });
}

const cannotLock = (folder: string, cause: unknown): HubError =>
  new HubError('Unavailable', 'The data folder cannot be locked.', { details: { folder }, cause });
