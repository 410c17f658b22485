import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { git, tryGit } from '../support/git-client.ts';
import type { TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';

/* What git keeps beside branches and tags of commits: notes, replacements, other remotes' branches, tags of files. */

let hub: TestHub;
let folder: string;
beforeAll(async () => {
  hub = await startPeopledHub();
  folder = mkdtempSync(join(tmpdir(), 'atoll-any-refs-'));
});
afterAll(async () => {
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  expect(hub.loggedErrors()).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
  await hub[Symbol.asyncDispose]();
});

let count = 0;

/** A repository of the hub and a clone of it. */
async function cloned(): Promise<{ repo: RepoClient; url: string; at: string }> {
  const repo = await createRepo(hub, `owner/any${(count += 1)}`);
  await repo.commit([fileLine('a.txt', 'a\n'), fileLine('folder/b.txt', 'b\n')], { summary: 'first' });
  const url = `${hub.url.replace('://', `://user:${tokenOf('owner') ?? ''}@`)}/${repo.name}`;
  const at = join(folder, `work-${count}`);
  await git(folder, ['clone', '--quiet', url, at]);
  return { repo, url, at };
}

const refsAt = (url: string): Promise<string> => git(folder, ['ls-remote', url]);
const tagsOf = async (repo: RepoClient): Promise<readonly string[]> =>
  (await repo.api('GET', 'refs')).json<{ tags: { name: string }[] }>().tags.map(({ name }) => name);

/** Tags of a file, a folder and a commit, plain, annotated, and annotated twice. */
async function tagAll(at: string): Promise<void> {
  const loose = await git(at, ['hash-object', '-w', '--stdin'], { input: 'nobody else leads here\n' });
  for (const [name, target] of Object.entries({
    file: 'HEAD:a.txt',
    tree: 'HEAD:folder',
    loose,
    commit: 'HEAD',
  })) {
    await git(at, ['tag', `plain-${name}`, target]);
    await git(at, ['tag', '-a', '-m', 'a tag', `tag-${name}`, target]);
    await git(at, ['tag', '-a', '-m', 'of a tag', `nested-${name}`, `tag-${name}`]);
  }
}

describe('tags of files and folders', () => {
  test('are pushed, cloned and deleted, and the API tells of those that lead to a commit', async () => {
    const { repo, url, at } = await cloned();
    await tagAll(at);
    await git(at, ['push', '--quiet', 'origin', '--tags']);
    const own = (await refsAt(at)).split('\n').filter((line) => !line.includes('refs/remotes/'));
    expect((await refsAt(url)).split('\n')).toEqual(own);
    for (const version of [0, 1, 2]) {
      for (const args of [
        ['--mirror'],
        ['--depth=1', '--branch=tag-commit'],
        ['--filter=blob:none', '--bare'],
      ]) {
        const clone = join(folder, `clone-${(count += 1)}`);
        await git(folder, ['-c', `protocol.version=${version}`, 'clone', '--quiet', ...args, url, clone]);
        await git(clone, ['fsck', '--strict']);
        if (args.length > 1) continue;
        expect(await git(clone, ['cat-file', '-p', 'nested-loose^{blob}'])).toBe('nobody else leads here');
        expect(await git(clone, ['for-each-ref', 'refs/tags'])).toBe(
          await git(at, ['for-each-ref', 'refs/tags']),
        );
      }
    }
    expect(await tagsOf(repo)).toEqual(['nested-commit', 'plain-commit', 'tag-commit']);
    for (const name of ['plain-file', 'tag-tree', 'nested-loose']) {
      const answer = await repo.api('GET', `tree/${name}`);
      expect([answer.status, answer.headers['x-error-code']]).toEqual([404, 'RevisionNotFound']);
      expect((await repo.api('GET', `resolve/${name}/a.txt`)).status).toBe(404);
      const taken = await repo.api('POST', 'tag/main', { body: { tag: name } });
      expect(taken.status).toBe(409);
      const since = await tryGit(folder, ['clone', `--shallow-exclude=${name}`, url, `since-${name}`]);
      expect(since.stderr).toMatch(/^(?!.*fatal)/s);
      expect(since.code).toBe(0);
    }
    expect((await repo.api('GET', 'tree/nested-commit')).status).toBe(200);
    await git(at, ['push', '--quiet', 'origin', '--delete', 'plain-file', 'tag-tree', 'nested-loose']);
    expect(await refsAt(url)).not.toMatch(/plain-file|tag-tree|nested-loose/);
  });

  test('stay as they are when all history is squashed, and lose a large file that is removed', async () => {
    const { repo, at } = await cloned();
    const large = Buffer.alloc(50_000, 'large');
    await repo.uploadLfs(large);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(large)}\nsize ${large.length}\n`;
    writeFileSync(join(at, 'large.bin'), pointer);
    await git(at, ['add', 'large.bin']);
    await git(at, ['commit', '--quiet', '-m', 'large']);
    await tagAll(at);
    await git(at, ['tag', '-a', '-m', 'of a pointer', 'tag-pointer', 'HEAD:large.bin']);
    await git(at, ['tag', 'root', 'HEAD^{tree}']);
    await git(at, ['notes', 'add', '-m', 'a note']);
    await git(at, ['push', '--quiet', 'origin', 'main', '--tags', 'refs/notes/*:refs/notes/*']);
    const url = await git(at, ['remote', 'get-url', 'origin']);
    const before = new Map(
      (await refsAt(url)).split('\n').map((line) => line.split('\t').reverse() as [string, string]),
    );
    const removed = await repo.api('POST', 'lfs-files/batch', {
      body: { deletions: { sha: [sha256Of(large)], rewriteHistory: true } },
    });
    expect(removed.status, removed.text).toBe(200);
    const after = new Map(
      (await refsAt(url)).split('\n').map((line) => line.split('\t').reverse() as [string, string]),
    );
    expect(after.has('refs/tags/tag-pointer')).toBe(false);
    for (const name of ['plain-file', 'tag-tree', 'nested-loose'])
      expect(after.get(`refs/tags/${name}`), name).toBe(before.get(`refs/tags/${name}`));
    expect(after.get('refs/tags/root')).not.toBe(before.get('refs/tags/root'));
    const squashed = await repo.api('POST', 'super-squash/main', { body: { message: 'one' } });
    expect(squashed.status, squashed.text).toBe(200);
    const clone = join(folder, `squashed-${(count += 1)}`);
    await git(folder, ['clone', '--quiet', '--mirror', url, clone]);
    await git(clone, ['fsck', '--strict']);
    expect(await git(clone, ['rev-list', '--count', 'main'])).toBe('1');
  });
});

describe('refs of other spaces', () => {
  test('notes and replacements are pushed and fetched', async () => {
    const { repo, url, at } = await cloned();
    await git(at, ['notes', 'add', '-m', 'a note']);
    await git(at, ['replace', '--graft', 'HEAD']);
    await git(at, [
      'push',
      '--quiet',
      'origin',
      'refs/notes/*:refs/notes/*',
      'refs/replace/*:refs/replace/*',
    ]);
    for (const version of [0, 2]) {
      const clone = join(folder, `notes-${version}`);
      await git(folder, ['clone', '--quiet', url, clone]);
      expect(await git(clone, ['for-each-ref', 'refs/notes', 'refs/replace'])).toBe('');
      const flags = ['-c', `protocol.version=${version}`];
      await git(clone, [
        ...flags,
        'fetch',
        '--quiet',
        'origin',
        'refs/notes/*:refs/notes/*',
        'refs/replace/*:refs/replace/*',
      ]);
      expect(await git(clone, ['notes', 'show'])).toBe('a note');
      expect(await git(clone, ['rev-list', '--count', 'HEAD'])).toBe('1');
      await git(clone, ['fsck', '--strict']);
    }
    expect(
      Object.values((await repo.api('GET', 'refs')).json<Record<string, unknown[]>>()).flat(),
    ).toHaveLength(1);
    expect((await repo.api('GET', 'tree/refs%2Fnotes%2Fcommits')).status).toBe(404);
  });

  test('a mirror is pushed whole, follows what was deleted, and is cloned as it was', async () => {
    const { url: source, at } = await cloned();
    await git(at, ['branch', 'side']);
    await git(at, ['push', '--quiet', 'origin', 'side']);
    await git(at, ['commit', '--quiet', '--allow-empty', '-m', 'unpushed']);
    await git(at, ['fetch', '--quiet', 'origin', '+refs/heads/*:refs/remotes/other/*']);
    await tagAll(at);
    const repo = await createRepo(hub, `owner/mirror${(count += 1)}`);
    const url = source.replace(/[^/]+$/, repo.name.replace('owner/', ''));
    await git(at, ['push', '--quiet', '--mirror', url]);
    const local = (): Promise<string> => git(at, ['for-each-ref', '--format=%(objectname)%09%(refname)']);
    const remote = (): Promise<string> => git(folder, ['ls-remote', '--refs', url, 'refs/*']);
    expect(await remote()).toBe(await local());
    await git(at, ['branch', '-D', '--quiet', 'side']);
    await git(at, ['update-ref', '-d', 'refs/remotes/other/side']);
    await git(at, ['push', '--quiet', '--mirror', url]);
    expect(await remote()).toBe(await local());
    const clone = join(folder, `mirrored-${(count += 1)}`);
    await git(folder, ['clone', '--quiet', '--mirror', url, clone]);
    await git(clone, ['fsck', '--strict']);
    expect((await repo.api('GET', 'refs')).json()).toMatchObject({
      branches: [{ name: 'main' }],
      converts: [],
    });
  });

  test('are for whoever may write, not hidden from whoever may read, and bound by names', async () => {
    const { repo, url, at } = await cloned();
    for (const [name, reason] of [
      ['refs/pr/1', 'belongs to a pull request'],
      ['refs/internal/x', 'is reserved'],
      ['refs/pull/1/head', 'is reserved'],
      ['refs/Heads/x', 'is reserved'],
      [`refs/notes/${'x'.repeat(256)}`, 'git refuses'],
    ] as const) {
      const pushed = await tryGit(at, ['push', 'origin', `HEAD:${name}`]);
      expect([name, pushed.code]).toEqual([name, 1]);
      expect(pushed.stderr, name).toContain(reason);
    }
    await git(at, ['push', '--quiet', 'origin', 'HEAD:refs/notes/a']);
    expect((await tryGit(at, ['push', 'origin', 'HEAD:refs/notes/a/b'])).stderr).toContain(
      'cannot exist beside',
    );
    expect((await tryGit(at, ['push', 'origin', 'HEAD:refs/notes/A'])).stderr).toContain(
      'cannot exist beside',
    );
    // Nobody else writes there, and whoever may read reads it.
    const plain = `${hub.url}/${repo.name}`;
    expect((await tryGit(at, ['push', plain, 'HEAD:refs/notes/b'])).code).not.toBe(0);
    expect(await refsAt(plain)).toContain('refs/notes/a');
    expect(await refsAt(url)).toBe(await refsAt(plain));
    const branch = await tryGit(at, ['push', 'origin', 'HEAD^{tree}:refs/heads/tree']);
    expect(branch.stderr).toContain('A branch leads to a commit');
  });
});
