import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createCheckpoints, type Checkpoints } from '../../../server/db/checkpoints.ts';
import { openSqliteRole, type SqliteConnection } from '../../../server/db/sqlite.ts';

const MIB = 1024 * 1024;
/** A move may have to wait for its thread on a busy machine. */
const PATIENCE = { timeout: 20_000, interval: 5 };

let folder: string;
let file: string;
let connection: SqliteConnection;
let checkpoints: Checkpoints;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-log-'));
  file = join(folder, 'hub.db');
  connection = openSqliteRole({ file }, 'write');
  connection.exec('create table pages (bytes blob not null)');
  checkpoints = createCheckpoints({ file: { file }, connection });
});
afterEach(async () => {
  await checkpoints.close();
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Commit so much, and answer what the next one is to wait for. */
function commit(mebibytes: number): Promise<void> | undefined {
  connection.prepare('insert into pages values (zeroblob(?))').run(mebibytes * MIB);
  return checkpoints.noteCommit();
}

const logState = (): { readonly log: number; readonly checkpointed: number } =>
  connection.prepare('pragma wal_checkpoint(noop)').get() as ReturnType<typeof logState>;

const waitUntilMoved = (): Promise<void> =>
  vi.waitFor(() => {
    const { log, checkpointed } = logState();
    expect(checkpointed).toBe(log);
  }, PATIENCE);

test('a commit leaves its pages in the log, and the thread moves them', async () => {
  expect(commit(5)).toBe(undefined);
  const { log, checkpointed } = logState();
  expect(log).toBeGreaterThan(5 * 256);
  expect(checkpointed).toBe(0);
  await waitUntilMoved();
  expect(statSync(file).size).toBeGreaterThan(5 * MIB);
});

test('few pages wait for more of them', async () => {
  await commit(1);
  await checkpoints.close();
  expect(logState()).toMatchObject({ checkpointed: 0 });
});

test('writers wait once the log is long, and then it begins anew', async () => {
  for (let index = 0; index < 40; index++) await commit(1);
  await waitUntilMoved();
  expect(statSync(`${file}-wal`).size).toBeLessThan(12 * MIB);
});

test('a reader who stays keeps the log, and no writer', async () => {
  const reader = openSqliteRole({ file }, 'read');
  reader.exec('begin');
  const count = reader.prepare('select count(*) from pages').pluck();
  expect(count.get()).toBe(0);
  for (let index = 0; index < 12; index++) await commit(1);
  expect(count.get()).toBe(0);
  expect(logState().checkpointed).toBeLessThan(10);
  reader.exec('commit');
  reader.close();
  await commit(1);
  await waitUntilMoved();
  expect(connection.prepare('select count(*) from pages').pluck().get()).toBe(13);
});

test('where the thread fails, commits move the log by themselves', async () => {
  await checkpoints.close();
  const entry = new URL('data:text/javascript,throw new Error("no thread")');
  checkpoints = createCheckpoints({ file: { file }, connection, entry });
  await commit(5);
  await vi.waitFor(() => {
    expect(connection.pragma('wal_autocheckpoint', { simple: true })).toBe(1000);
  }, PATIENCE);
  await commit(1);
  expect(logState()).toMatchObject({ checkpointed: logState().log });
});

test('closing waits for a move, and the last connection leaves no log behind', async () => {
  await commit(9);
  await checkpoints.close();
  await commit(9);
  connection.close();
  expect(readdirSync(folder)).toEqual(['hub.db']);
  connection = openSqliteRole({ file }, 'write');
  expect(connection.prepare('select sum(length(bytes)) from pages').pluck().get()).toBe(18 * MIB);
});
