import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { git, tryGit } from '../support/git-client.ts';
import { remoteOf } from '../support/git-remote.ts';
import type { TestHub } from '../support/hub.ts';
import { createRepo, fileLine, startPeopledHub, tokenOf, type RepoClient } from '../support/scenario.ts';

/* Answers to clones are kept, and are what the repository is at that moment all the same. */

let hub: TestHub & AsyncDisposable;
let folder: string;
beforeAll(async () => {
  hub = await startPeopledHub();
  folder = mkdtempSync(join(tmpdir(), 'atoll-answers-'));
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const fresh = (): string => join(folder, `clone-${(count += 1)}`);
const kept = (): readonly string[] => {
  const answers = join(hub.dataDir, 'answers');
  return existsSync(answers) ? readdirSync(answers) : [];
};
const objectsOf = async (clone: string): Promise<readonly string[]> =>
  (await git(clone, ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'])).split('\n');
const reachableOf = async (clone: string): Promise<readonly string[]> =>
  [
    ...new Set((await git(clone, ['rev-list', '--all', '--objects', '--no-object-names'])).split('\n')),
  ].sort();

async function cloneOf(repo: string, args: readonly string[] = []): Promise<string> {
  const target = fresh();
  await git(folder, ['clone', '--quiet', '--bare', ...args, `${hub.url}/${repo}`, target]);
  await git(target, ['fsck', '--strict']);
  return target;
}

async function fill(name: string, commits = 4): Promise<RepoClient> {
  const repo = await createRepo(hub, name);
  for (let n = 0; n < commits; n += 1) {
    await repo.commit([fileLine(`file-${n}.txt`, `${name} ${n}\n`.repeat(200))], { summary: `commit ${n}` });
  }
  return repo;
}

describe('a clone', () => {
  test('of many at the same time is made once, and each gets all of it', async () => {
    const repo = await fill('owner/busy');
    const before = kept().length;
    const clones = await Promise.all(Array.from({ length: 10 }, () => cloneOf('owner/busy')));
    for (const clone of clones) {
      expect((await git(clone, ['rev-parse', 'HEAD'])).trim()).toBe(await repo.head());
      expect(await objectsOf(clone)).toEqual(await reachableOf(clone));
    }
    await vi.waitFor(() => expect(kept().length).toBe(before + 1));
    expect(kept().filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('has what was committed since the last one', async () => {
    const repo = await fill('owner/moving');
    const old = await cloneOf('owner/moving');
    await repo.commit([fileLine('late.txt', 'late\n')], { summary: 'late' });
    const now = await cloneOf('owner/moving');
    expect((await git(now, ['rev-parse', 'HEAD'])).trim()).toBe(await repo.head());
    await git(old, ['fetch', '--quiet', 'origin', '+refs/heads/*:refs/heads/*']);
    expect(await reachableOf(old)).toEqual(await reachableOf(now));
  });

  test('holds nothing that refs no longer lead to, nor what one commit wrote twice', async () => {
    const repo = await fill('owner/reset');
    const commits = (await repo.api('GET', 'commits/main')).json<{ id: string }[]>();
    await repo.api('POST', 'branch/side', { body: { startingPoint: 'main' } });
    await repo.commit([fileLine('only-there.txt', 'a secret of the branch\n')], { summary: 'x' }, 'side');
    const whole = await cloneOf('owner/reset');
    expect(await objectsOf(whole)).toEqual(await reachableOf(whole));
    expect((await repo.api('DELETE', 'branch/side')).status).toBe(200);
    const after = await cloneOf('owner/reset');
    expect(await objectsOf(after)).toEqual(await reachableOf(after));
    expect((await objectsOf(after)).length).toBeLessThan((await objectsOf(whole)).length);
    expect(commits.length).toBe(5);

    const twice = await fill('owner/twice', 1);
    await twice.commit([fileLine('a.txt', 'first\n'), fileLine('a.txt', 'second\n')], { summary: 'twice' });
    const clone = await cloneOf('owner/twice');
    expect(await objectsOf(clone)).toEqual(await reachableOf(clone));
  });

  test('is forgotten with its repository, and a client that leaves harms nobody', async () => {
    const repo = await fill('owner/gone');
    const leaving = new AbortController();
    const asked = tryGit(folder, ['clone', '--quiet', '--bare', `${hub.url}/owner/gone`, fresh()]);
    leaving.abort();
    await asked;
    await cloneOf('owner/gone');
    const before = kept().length;
    const mirrored = fresh();
    await git(folder, ['clone', '--quiet', '--mirror', `${hub.url}/owner/gone`, mirrored]);
    expect((await git(mirrored, ['rev-parse', 'HEAD'])).trim()).toBe(await repo.head());
    const body = { type: 'model', name: 'gone', organization: 'owner' };
    const gone = await hub.send('DELETE', '/api/repos/delete', { token: tokenOf('owner'), body });
    expect(gone.status).toBe(200);
    expect(kept().length).toBeLessThan(before);
  });

  test('of what one push brought is the pack of that push as it lies', async () => {
    await createRepo(hub, 'owner/closed');
    const source = fresh();
    await git(folder, ['init', '--quiet', '--initial-branch=main', source]);
    for (let index = 0; index < 1100; index += 1) {
      writeFileSync(join(source, `${index}.txt`), `${index} ${'is a line of text\n'.repeat(index % 50)}`);
    }
    await git(source, ['add', '.']);
    await git(source, ['commit', '--quiet', '--message', 'all of it']);
    const remote = remoteOf(hub, tokenOf('owner') ?? '', 'owner/closed');
    await git(source, ['push', '--quiet', '--force', remote, 'main']);
    const packs = Object.entries((await hub.snapshot()).files).filter(([name]) => name.endsWith('.pack'));

    const clone = await cloneOf('owner/closed');
    expect(await objectsOf(clone)).toEqual(await reachableOf(clone));
    const sizeOf = (at: string): number => {
      const packFolder = join(at, 'objects', 'pack');
      const name = readdirSync(packFolder).find((entry) => entry.endsWith('.pack')) ?? '';
      return statSync(join(packFolder, name)).size;
    };
    expect(packs.map(([, size]) => size)).toContain(sizeOf(clone));
    // What the push did away with is in none of them.
    expect(await git(clone, ['rev-list', '--count', '--all'])).toBe('1');

    writeFileSync(join(source, 'more.txt'), 'more\n');
    await git(source, ['add', '.']);
    await git(source, ['commit', '--quiet', '--message', 'more']);
    await git(source, ['push', '--quiet', remote, 'main']);
    const later = await cloneOf('owner/closed');
    expect(await git(later, ['rev-parse', 'main'])).toBe(await git(source, ['rev-parse', 'HEAD']));
    expect(await objectsOf(later)).toEqual(await reachableOf(later));
  });
});
