import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailPoint } from '../../server/platform/fail-points.ts';
import { git, tryGit } from '../support/git-client.ts';
import { openDoor } from '../support/hub.ts';
import { runAtoll, startProgram, type RunningProgram } from '../support/program.ts';
import { createRepo, DESCRIPTION, repoClient, tokenOf } from '../support/scenario.ts';

/* The program is killed at every step of a push, small and large. What was acknowledged is there, the rest is not. */

const scratch = mkdtempSync(join(tmpdir(), 'atoll-push-kills-'));
const dataDir = join(scratch, 'data');
const flags = ['--port', '0', '--host', '127.0.0.1', '--data-dir', dataDir];
let hub: RunningProgram | undefined;
afterAll(async () => {
  await hub?.end('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

async function ask(command: readonly string[], input?: string): Promise<unknown> {
  const args = [...command, '--json', '--data-dir', dataDir];
  const { code, stdout, stderr } = await runAtoll(args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as unknown;
}

beforeAll(async () => {
  await ask(['apply', '-'], JSON.stringify(DESCRIPTION));
});

async function start(plan?: string): Promise<RunningProgram> {
  const env = { ATOLL_TEST_STRICT: '1', ...(plan === undefined ? {} : { ATOLL_FAIL: plan }) };
  hub = await startProgram(flags, { env });
  return hub;
}

const urlOf = (url: string, name: string): string =>
  `${url.replace('://', `://user:${tokenOf('owner') ?? ''}@`)}/${name}`;

const SMALL = ['push-read', 'push-indexed', 'push-checked', 'refs-moving', 'refs-moved'] as const;
const LARGE = [...SMALL.slice(0, 2), 'pack-stored', 'pack-indexed', ...SMALL.slice(2)] as const;
const KILLS: readonly (readonly [size: string, point: FailPoint])[] = [
  ...SMALL.map((point) => ['small', point] as const),
  ...LARGE.map((point) => ['large', point] as const),
];

test.each(KILLS)('a kill of a %s push at %s', async (size, point) => {
  const name = `owner/${size}-at-${point}`;
  const at = join(scratch, `${size}-${point}`);
  const first = await start();
  await createRepo(openDoor(first.url), name);
  await git(scratch, ['clone', '--quiet', urlOf(first.url, name), at]);
  expect((await hub?.end('SIGTERM'))?.code).toBe(0);
  writeFileSync(join(at, 'file.bin'), randomBytes(size === 'small' ? 1000 : 3_000_000));
  await git(at, ['add', '.']);
  await git(at, ['commit', '--quiet', '--message', 'a change']);
  const pushed = await git(at, ['rev-parse', 'HEAD']);
  const old = await git(at, ['rev-parse', 'origin/main']);

  const doomed = await start(`${point}:1:crash`);
  const { code } = await tryGit(at, ['push', urlOf(doomed.url, name), 'main']);
  expect(code).not.toBe(0);
  expect((await doomed.ended).code).toBe(null);

  const again = await start();
  const repo = repoClient(openDoor(again.url), name);
  // Nobody was told anything: both may be, and only after the transaction the new one is.
  expect(await repo.head()).toBe(point === 'refs-moved' ? pushed : old);
  await git(at, ['push', urlOf(again.url, name), 'main']);
  expect(await repo.head()).toBe(pushed);
  const fresh = `${at}-fresh`;
  await git(scratch, ['clone', '--quiet', urlOf(again.url, name), fresh]);
  await git(fresh, ['fsck', '--strict']);
  expect(await git(fresh, ['rev-parse', 'HEAD'])).toBe(pushed);
  expect((await hub?.end('SIGTERM'))?.code).toBe(0);
  expect(await ask(['doctor', '--full'])).toMatchObject({ problems: [] });
});
