import { beforeAll, expect, test } from 'vitest';
import { askRunningHub } from '../../server/platform/control-socket.ts';
import { openDoor, type Answer } from '../support/hub.ts';
import { useKilledHub } from '../support/killed-hub.ts';
import { DESCRIPTION, createRepo, fileLine, repoClient, type RepoClient } from '../support/scenario.ts';

/* The program is killed inside and right after the transaction of every call that rewrites or joins branches. */

const { dataDir, start, end, ended, ask } = useKilledHub('history-kills');

/** Large enough for packs, so that a merge of them is not a matter of a few rows. */
const LARGE = 'x'.repeat(1_100_000);

/** What `main` holds and what is asked for; `main` had two commits on its first, and `dev` one. */
interface Before {
  readonly first: string;
  readonly head: string;
  readonly dev: string;
}

interface Call {
  send(repo: RepoClient, before: Before): Promise<Answer>;
  /** Paths of `main` when it was done. */
  readonly paths: readonly string[];
  /** Commits of `main` when it was done. */
  readonly commits: number;
}

const CALLS: Readonly<Record<'merge' | 'revert' | 'reset' | 'squash', Call>> = {
  merge: {
    send: (repo) => repo.api('POST', 'merge/dev/into/main', { body: { message: 'both' } }),
    paths: ['.gitattributes', 'a.txt', 'b.txt', 'dev.txt'],
    commits: 5,
  },
  revert: {
    send: (repo, { head }) => repo.api('POST', 'branch/main/revert', { body: { ref: head } }),
    paths: ['.gitattributes', 'a.txt'],
    commits: 4,
  },
  reset: {
    send: (repo, { first }) => repo.api('POST', 'branch/main/reset', { body: { ref: first, force: true } }),
    paths: ['.gitattributes'],
    commits: 1,
  },
  squash: {
    send: (repo) => repo.api('POST', 'super-squash/main', { body: { message: 'all of it' } }),
    paths: ['.gitattributes', 'a.txt', 'b.txt'],
    commits: 1,
  },
};

const CASES = (['refs-moving', 'refs-moved'] as const).flatMap((point) =>
  (['merge', 'revert', 'reset', 'squash'] as const).map((name) => ({ point, name })),
);
const repoName = ({ point, name }: (typeof CASES)[number]): string => `owner/${name}-${point}`;
const befores = new Map<string, Before>();

beforeAll(async () => {
  await ask(['apply', '-'], JSON.stringify(DESCRIPTION));
  const { url } = await start();
  for (const one of CASES) {
    const repo = await createRepo(openDoor(url), repoName(one));
    const first = await repo.head();
    const branch = await repo.api('POST', 'branch/dev', { body: {} });
    expect(branch.status).toBe(200);
    await repo.commit([fileLine('a.txt', LARGE)]);
    const head = await repo.commit([fileLine('b.txt', `b${LARGE}`)]);
    const dev = await repo.commit([fileLine('dev.txt', 'dev')], undefined, 'dev');
    befores.set(repoName(one), { first, head, dev });
  }
  expect((await end('SIGTERM')).code).toBe(0);
});

const commitsOf = async (repo: RepoClient): Promise<number> =>
  (await repo.api('GET', 'commits/main')).json<readonly unknown[]>().length;

const doctor = async (): Promise<unknown> => (await askRunningHub(dataDir, 'doctor', { full: true }))?.result;

test.each(CASES)('a kill at $point of a $name leaves all of it or nothing', async (one) => {
  const { send, paths, commits } = CALLS[one.name];
  const before = befores.get(repoName(one));
  if (!before) throw new Error('Nothing was made ready.');
  let { url } = await start(`${one.point}:1:crash`);
  await expect(send(repoClient(openDoor(url), repoName(one)), before)).rejects.toThrow();
  expect((await ended()).code).toBeNull();

  ({ url } = await start());
  expect(await doctor()).toMatchObject({ problems: [] });
  const repo = repoClient(openDoor(url), repoName(one));
  expect(await repo.head('dev')).toBe(before.dev);
  const isDone = one.point === 'refs-moved';
  const found = await repo.head();
  expect(found === before.head).toBe(!isDone);
  if (isDone) expect((await repo.paths()).toSorted()).toEqual(paths);

  // Asked for again it is done, and once only.
  const again = await send(repo, before);
  expect(again.status, again.text).toBe(200);
  if (isDone) expect(await repo.head()).toBe(found);
  expect((await repo.paths()).toSorted()).toEqual(paths);
  expect(await commitsOf(repo)).toBe(commits);
  if (one.name !== 'reset') expect((await repo.resolve('main', 'a.txt')).text).toBe(LARGE);
  expect((await repo.resolve(before.head, 'b.txt')).text).toBe(`b${LARGE}`);
  // What is derived from the history follows, without an error of the hub.
  await repo.commit([fileLine('after.txt', 'after')]);
  expect(await doctor()).toMatchObject({ problems: [] });
  expect((await end('SIGTERM')).code).toBe(0);
});
