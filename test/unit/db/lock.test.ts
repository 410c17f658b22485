import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock, readHolder, type LockHolder } from '../../../server/db/lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const self: LockHolder = { pid: process.pid, program: 'atoll test', startedAt: Date.UTC(2026, 0, 1) };
const lockModule = new URL('../../../server/db/lock.ts', import.meta.url).href;

/** Another process that holds the folder until its input ends. */
async function holdElsewhere() {
  const program = `
    const { acquireLock } = await import(${JSON.stringify(lockModule)});
    acquireLock(${JSON.stringify(folder)}, { pid: process.pid, program: 'other hub', startedAt: ${self.startedAt} });
    console.log('held');
    process.stdin.resume();
    process.stdin.on('end', () => process.exit(0));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('a folder is held by one process, and the other one learns which', async () => {
  const child = await holdElsewhere();
  try {
    expect(() => acquireLock(folder, self)).toThrow(
      expect.objectContaining({
        code: 'Conflict',
        message: `other hub (process ${child.pid}) has used this data folder since 2026-01-01T00:00:00.000Z.`,
        details: { folder, holder: { pid: child.pid, program: 'other hub', startedAt: self.startedAt } },
      }) as Error,
    );
  } finally {
    child.stdin.end();
    await once(child, 'exit');
  }
  acquireLock(folder, self).release();
});

test('a process that is killed holds nothing any more', async () => {
  const child = await holdElsewhere();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = acquireLock(folder, self);
  expect(readHolder(folder)).toEqual(self);
  lock.release();
});

test('a folder is held once within a process too', () => {
  const lock = acquireLock(folder, self);
  expect(() => acquireLock(folder, self)).toThrow(expect.objectContaining({ code: 'Conflict' }) as Error);
  lock.release();
  const again = acquireLock(folder, self);
  lock.release();
  expect(() => acquireLock(folder, self)).toThrow();
  again.release();
});

test('letting go removes the name of the holder', () => {
  const lock = acquireLock(folder, self);
  expect(readHolder(folder)).toEqual(self);
  lock.release();
  expect(existsSync(join(folder, 'lock.json'))).toBe(false);
});

test('a holder that cannot be read is not named', () => {
  const lock = acquireLock(folder, self);
  writeFileSync(join(folder, 'lock.json'), '{"pid":');
  expect(() => acquireLock(folder, self)).toThrow('Another process uses this data folder.');
  writeFileSync(join(folder, 'lock.json'), '{"pid":"x"}');
  expect(readHolder(folder)).toBeUndefined();
  lock.release();
});

test('a folder that does not exist cannot be locked', () => {
  expect(() => acquireLock(join(folder, 'none'), self)).toThrow(
    expect.objectContaining({ code: 'Unavailable' }) as Error,
  );
});
