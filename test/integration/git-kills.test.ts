import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { git, tryGit } from '../support/git-client.ts';
import { remoteOf } from '../support/git-remote.ts';
import { useKilledHub } from '../support/killed-hub.ts';
import { describeWithTools } from '../support/require.ts';

/*
 * The program is killed at any moment while people push to it and clone it with real git; `push-kills.test.ts` stops at
 * each step. After each kill doctor is content; after the next start every push that git called done is there, and
 * every other one is there whole or not at all.
 */

const { scratch, start, createUser, problems } = useKilledHub('git-kills');
const work = join(scratch, 'work');
let token = '';

/** What the next push carries: a few objects, more than fit into rows, or large files. */
type Size = 'small' | 'many' | 'large';

interface Pushed {
  readonly branch: string;
  readonly commit: string;
}

let lastBranch = 0;

/** Make a commit on a new branch and push it. Answers what was asked for, and whether git says that it is done. */
async function push({ url }: { url: string }, size: Size): Promise<Pushed & { isDone: boolean }> {
  const branch = `b${(lastBranch += 1)}`;
  await git(work, ['checkout', '--quiet', '-b', branch]);
  const folder = join(work, branch);
  mkdirSync(folder);
  const files = size === 'many' ? 1200 : 3;
  const length = size === 'large' ? 1_500_000 : 100;
  for (let index = 0; index < files; index++) {
    writeFileSync(join(folder, `${index}.txt`), randomBytes(length).toString('base64'));
  }
  await git(work, ['add', '.']);
  await git(work, ['commit', '--quiet', '-m', branch]);
  const commit = await git(work, ['rev-parse', 'HEAD']);
  const { code } = await tryGit(work, ['push', '--quiet', remoteOf({ url }, token, 'ada/killed'), branch]);
  return { branch, commit, isDone: code === 0 };
}

const clone = ({ url }: { url: string }, folder: string) =>
  tryGit(scratch, ['clone', '--quiet', '--mirror', remoteOf({ url }, token, 'ada/killed'), folder]);

/** Every push that was called done is there; one that was not is there whole, or not at all. */
async function expectPushed({ url }: { url: string }, pushes: readonly (Pushed & { isDone: boolean })[]) {
  const listed = await git(scratch, ['ls-remote', '--heads', remoteOf({ url }, token, 'ada/killed')]);
  const heads = new Map(
    listed.split('\n').map((line) => {
      const [commit = '', ref = ''] = line.split('\t');
      return [ref.replace('refs/heads/', ''), commit];
    }),
  );
  for (const { branch, commit, isDone } of pushes) {
    const found = heads.get(branch);
    if (isDone || found !== undefined) expect(found, branch).toBe(commit);
  }
}

beforeAll(async () => {
  token = await createUser('ada');
});

describeWithTools('a hub that is killed among git clients', ['git'], () => {
  const pushes: (Pushed & { isDone: boolean })[] = [];

  beforeAll(async () => {
    const hub = await start();
    const made = await fetch(`${hub.url}/api/repos/create`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'killed', type: 'model' }),
    });
    expect(made.status).toBe(200);
    await git(scratch, ['clone', '--quiet', remoteOf(hub, token, 'ada/killed'), work]);
    pushes.push(await push(hub, 'small'), await push(hub, 'large'));
    expect(pushes.every(({ isDone }) => isDone)).toBe(true);
    await hub.end('SIGKILL');
  });

  const sizes: readonly Size[] = ['small', 'many', 'large'];
  const rounds = [1, 2, 3];
  const kills = sizes.flatMap((size) => rounds.map((round) => ({ size, round })));

  test.each(kills)('at any moment of a push, $size, $round', { timeout: 60_000 }, async ({ size }) => {
    const running = await start();
    await expectPushed(running, pushes);
    const pushing = push(running, size);
    await Promise.race([pushing, delay(randomInt(20, 600))]);
    await running.end('SIGKILL');
    pushes.push(await pushing);
    expect(await problems()).toEqual([]);
  });

  test.each([1, 2, 3, 4])(
    'while it is cloned from and while it keeps the answer, %d',
    { timeout: 60_000 },
    async (round) => {
      const running = await start();
      const clones = [0, 1, 2].map((index) => clone(running, `broken-${round}-${index}`));
      await delay(randomInt(10, 250));
      await running.end('SIGKILL');
      await Promise.all(clones);
      expect(await problems()).toEqual([]);
      const hub = await start();
      const folder = `whole-${round}`;
      expect(await clone(hub, folder)).toMatchObject({ code: 0 });
      await git(join(scratch, folder), ['fsck', '--strict', '--full']);
      await hub.end('SIGKILL');
    },
  );

  test(
    'has everything that was called done, and every clone of it is whole',
    { timeout: 60_000 },
    async () => {
      const hub = await start();
      await expectPushed(hub, pushes);
      expect(await clone(hub, 'at-last')).toMatchObject({ code: 0 });
      const folder = join(scratch, 'at-last');
      await git(folder, ['fsck', '--strict', '--full']);
      for (const { branch, commit, isDone } of pushes) {
        if (isDone) expect(await git(folder, ['rev-parse', branch])).toBe(commit);
      }
      expect((await hub.end('SIGTERM')).code).toBe(0);
      expect(await problems()).toEqual([]);
    },
  );
});
