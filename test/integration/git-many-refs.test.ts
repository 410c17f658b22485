import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { git } from '../support/git-client.ts';
import type { TestHub } from '../support/hub.ts';
import { createRepo, startPeopledHub, tokenOf, type RepoClient } from '../support/scenario.ts';

/*
 * A repository with more refs than anybody makes by hand: git names every one of them when it clones. Larger numbers are
 * a matter of git itself, whose push takes the square of them.
 */

const TAGS = 1500;
const BRANCHES = 300;

let hub: TestHub;
let folder: string;
let url: string;
let repo: RepoClient;
let work: string;

beforeAll(async () => {
  hub = await startPeopledHub();
  folder = mkdtempSync(join(tmpdir(), 'atoll-many-refs-'));
  repo = await createRepo(hub, 'owner/many-refs');
  url = `${hub.url.replace('://', `://user:${tokenOf('owner') ?? ''}@`)}/owner/many-refs`;
  work = join(folder, 'work');
  await git(folder, ['clone', '--quiet', url, work]);
  const lines = ['commit refs/heads/last', 'committer A <a@b> 1700000000 +0000', 'data 1', 'x', 'from main'];
  for (let n = 0; n < BRANCHES; n += 1) {
    lines.push(
      `commit refs/heads/b/${n}`,
      ...['committer A <a@b> 1700000000 +0000', `data ${String(n).length}`, String(n), 'from main'],
    );
  }
  for (let n = 0; n < TAGS; n += 1) lines.push(`reset refs/tags/t/${n}`, `from refs/heads/b/${n % BRANCHES}`);
  await git(work, ['fast-import', '--quiet'], { input: `${lines.join('\n')}\n` });
});
afterAll(async () => {
  expect(hub.loggedErrors()).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
  await hub[Symbol.asyncDispose]();
});

test('all are pushed at once', async () => {
  await git(work, ['push', '--quiet', '--atomic', 'origin', '--all']);
  await git(work, ['push', '--quiet', 'origin', '--tags']);
  const listed = (await repo.api('GET', 'refs')).json<Record<'branches' | 'tags', unknown[]>>();
  expect([listed.branches.length, listed.tags.length]).toEqual([BRANCHES + 2, TAGS]);
});

describe.each([0, 1, 2])('by protocol %i', (version) => {
  const flags = ['-c', `protocol.version=${version}`];

  test('all are cloned and fetched', async () => {
    const clone = join(folder, `clone-${version}`);
    await git(folder, [...flags, 'clone', '--quiet', url, clone]);
    expect(await git(clone, ['for-each-ref', 'refs/tags'])).toBe(
      await git(work, ['for-each-ref', 'refs/tags']),
    );
    await git(clone, ['fsck', '--strict']);
    const fresh = join(folder, `fresh-${version}`);
    await git(folder, ['init', '--quiet', fresh]);
    await git(fresh, [...flags, 'fetch', '--quiet', '--depth=1', url, '+refs/*:refs/copy/*']);
    expect((await git(fresh, ['for-each-ref', 'refs/copy'])).split('\n')).toHaveLength(BRANCHES + 2 + TAGS);
    await git(clone, [...flags, 'fetch', '--quiet', '--prune', 'origin']);
  });
});

test('and all are deleted at once', async () => {
  const names = (
    await git(work, ['for-each-ref', '--format=:%(refname)', 'refs/tags', 'refs/heads/b'])
  ).split('\n');
  await git(work, ['push', '--quiet', '--atomic', 'origin', ...names]);
  const left = await git(work, ['ls-remote', '--refs', 'origin']);
  expect(left.split('\n').map((line) => line.split('\t')[1])).toEqual(['refs/heads/last', 'refs/heads/main']);
});
