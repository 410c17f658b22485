import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from './git-client.ts';
import type { TestHub } from './hub.ts';
import { startNativeServer } from './native-server.ts';
import { createRepo, fileLine, startPeopledHub, type RepoClient } from './scenario.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A hub with a history worth fetching, and the same repository on native git's own server. */
export interface FetchScene extends AsyncDisposable {
  readonly hub: TestHub;
  readonly repo: RepoClient;
  /** A folder for clones. */
  readonly folder: string;
  readonly url: string;
  /** The same repository from native git's own server. Brought up to date by `mirror`. */
  readonly nativeUrl: string;
  /** Commits of the branch `main` as they were made, oldest first. */
  readonly commits: readonly string[];
  mirror(): Promise<void>;
}

/** Commits a day apart: on `main`, on `side` and their merge, with tags of both sorts and files of many sizes. */
export async function openFetchScene(): Promise<FetchScene> {
  await using cleanup = new AsyncDisposableStack();
  const hub = cleanup.use(await startPeopledHub());
  const folder = mkdtempSync(join(tmpdir(), 'atoll-fetch-'));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const repo = await createRepo(hub, 'owner/scene');
  const commits: string[] = [];
  const commit = async (n: number, branch = 'main'): Promise<void> => {
    const lines = [
      fileLine(`${branch}/n${n % 3}/file-${n}.txt`, `${branch} ${n}\n`.repeat(n * 100 + 1)),
      fileLine('README.md', `# The scene, ${branch}, ${n}\n`),
    ];
    if (n === 2) lines.push(fileLine('deep/er/and/deep.er/x.bin', Buffer.alloc(300_000, 'abcdefg')));
    const id = await repo.commit(
      branch === 'main' ? lines : lines.slice(0, 1),
      { summary: `${branch} ${n}` },
      branch,
    );
    if (branch === 'main') commits.push(id);
    hub.advance(DAY_MS);
  };
  const ask = async (path: string, body: object): Promise<void> => {
    const answer = await repo.api('POST', path, { body });
    if (answer.status !== 200) throw new Error(answer.text);
  };
  for (let n = 0; n < 4; n++) await commit(n);
  await ask('tag/main', { tag: 'light' });
  await ask('tag/main', { tag: 'v1', message: 'The first release.' });
  await ask('branch/side', { startingPoint: 'main' });
  for (let n = 4; n < 7; n++) await commit(n);
  for (let n = 0; n < 2; n++) await commit(n, 'side');
  await ask('merge/side/into/main', { message: 'Merge side' });
  commits.push(await repo.head());
  hub.advance(DAY_MS);
  for (let n = 7; n < 9; n++) await commit(n);
  await ask('tag/main', { tag: 'v2', message: 'The second release.' });

  const url = `${hub.url}/owner/scene`;
  const native = join(folder, 'native.git');
  await git(folder, ['init', '--quiet', '--bare', '--initial-branch=main', native]);
  for (const name of ['allowFilter', 'allowAnySHA1InWant'])
    await git(native, ['config', `uploadpack.${name}`, 'true']);
  const nativeServer = cleanup.use(await startNativeServer(folder));
  const mirror = async (): Promise<void> => {
    await git(native, ['fetch', '--quiet', '--prune', url, '+refs/*:refs/*']);
    await git(native, ['fsck', '--strict']);
  };
  await mirror();
  const owned = cleanup.move();
  return {
    ...{ hub, repo, folder, url, commits, mirror },
    nativeUrl: `${nativeServer.url}/native.git`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What a clone holds, in a form that is the same wherever it was cloned from. */
export async function contentOf(clone: string): Promise<{
  readonly refs: string;
  readonly objects: readonly string[];
  readonly shallow: readonly string[];
}> {
  const refs = await git(clone, ['for-each-ref', '--format=%(refname) %(objectname) %(symref)']);
  // Without a look at the promisor: what is not there is not fetched for this.
  const listed = await git(clone, ['cat-file', '--batch-all-objects', '--batch-check', '--unordered'], {
    env: { GIT_NO_LAZY_FETCH: '1' },
  });
  const gitDir = await git(clone, ['rev-parse', '--absolute-git-dir']);
  const shallow = await readFile(join(gitDir, 'shallow'), 'utf8').catch(() => '');
  return {
    refs,
    objects: listed.split('\n').sort(),
    shallow: shallow.split('\n').filter(Boolean).sort(),
  };
}
