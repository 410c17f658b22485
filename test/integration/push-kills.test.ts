import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { FailPoint } from '../../server/platform/fail-points.ts';
import { git, tryGit } from '../support/git-client.ts';
import { openDoor } from '../support/hub.ts';
import { useKilledHub } from '../support/killed-hub.ts';
import { createRepo, DESCRIPTION, repoClient, tokenOf } from '../support/scenario.ts';

/* The program is killed at every step of a push, small and large. What was acknowledged is there, the rest is not. */

const { scratch, start, end, ask, problems } = useKilledHub('push-kills');

beforeAll(async () => {
  await ask(['apply', '-'], JSON.stringify(DESCRIPTION));
});

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
  expect((await end('SIGTERM')).code).toBe(0);
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
  expect((await end('SIGTERM')).code).toBe(0);
  expect(await problems()).toEqual([]);
});
