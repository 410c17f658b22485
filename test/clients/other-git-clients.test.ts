import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import git from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { beforeAll, describe, expect, test } from 'vitest';
import { createGitUser } from '../support/git-user.ts';
import { createHubApi, file, type HubApi, type RepoPath } from '../support/hub-api.ts';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

/* Clients of git beside the one that is installed: git before and after it, libgit2, dulwich, isomorphic-git. */

const SCRIPT = fileURLToPath(new URL('python/git_clients.py', import.meta.url));

let hub: HubProgram;
let api: HubApi;
beforeAll(async () => {
  hub = await startHubProgram();
  api = createHubApi({ url: hub.url, token: hub.tokens.ada });
  return () => hub[Symbol.asyncDispose]();
});

const README = '# made by the hub\n';

/** A repository with one commit of the API. Answers its address and that commit. */
async function made(repo: RepoPath): Promise<{ readonly address: string; readonly head: string }> {
  await api.createRepo(repo);
  const head = await api.commit(repo, [file('README.md', README)]);
  return { address: `${hub.url}/${repo.replace(/^models\//, '')}`, head };
}

/** Branches and tags as the API has them: of a tag the commit. */
async function refsOf(repo: RepoPath): Promise<Readonly<Record<string, string>>> {
  const { branches, tags } = (await (await api.call(`/api/${repo}/refs`)).json()) as Record<
    'branches' | 'tags',
    { readonly ref: string; readonly targetCommit: string }[]
  >;
  return Object.fromEntries([...branches, ...tags].map(({ ref, targetCommit }) => [ref, targetCommit]));
}

describeWithTools('libraries', ['py/git-clients'], (tools) => {
  test.each(['libgit2', 'dulwich'])('%s clones, fetches, pushes and tags', async (client) => {
    const repo: RepoPath = `models/ada/${client}`;
    const { address, head } = await made(repo);
    const work = join(hub.scratch, client);
    await mkdir(work);
    const child = spawn(tools['py/git-clients'], [SCRIPT], {
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HOME: work },
      stdio: 'pipe',
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.stdin.end(JSON.stringify({ client, url: address, token: hub.tokens.ada, work, head }));
    expect(await new Promise((done) => child.on('close', done)), output.stderr).toBe(0);
    expect(await refsOf(repo)).toEqual(JSON.parse(output.stdout.trim().split('\n').at(-1) ?? ''));
  });
});

describe('isomorphic-git', () => {
  const author = { name: 'Ada', email: 'ada@example.org' };
  const onAuth = () => ({ username: 'anyone', password: hub.tokens.ada });

  test('clones, fetches, pushes and tags', async () => {
    const repo: RepoPath = 'datasets/ada/isomorphic';
    const { address: url, head } = await made(repo);
    const [one, two] = ['one', 'two'].map((name) => join(hub.scratch, `isomorphic-${name}`)) as [
      string,
      string,
    ];
    const main = { ref: 'main', singleBranch: false } as const;
    await git.clone({ fs, http, dir: one, url, onAuth, ...main });
    expect(await git.resolveRef({ fs, dir: one, ref: 'main' })).toBe(head);
    expect(await readFile(join(one, 'README.md'), 'utf8')).toBe(README);

    const bytes = randomBytes(200_000);
    await writeFile(join(one, 'data'), bytes);
    await git.add({ fs, dir: one, filepath: 'data' });
    const second = await git.commit({ fs, dir: one, author, message: 'second' });
    await git.annotatedTag({ fs, dir: one, ref: 'v1', message: 'first', tagger: author });
    await git.branch({ fs, dir: one, ref: 'feature/x', object: head });
    for (const ref of ['main', 'feature/x', 'v1']) {
      const pushed = await git.push({ fs, http, dir: one, url, ref, onAuth });
      expect([ref, pushed.ok, pushed.refs]).toMatchObject([ref, true, {}]);
    }
    const refs = await git.listServerRefs({
      http,
      url,
      onAuth,
      protocolVersion: 2,
      peelTags: true,
      symrefs: true,
    });
    expect(refs.find(({ ref }) => ref === 'HEAD')).toMatchObject({ oid: second, target: 'refs/heads/main' });
    expect(refs.find(({ ref }) => ref === 'refs/tags/v1')).toMatchObject({ peeled: second });
    expect(await refsOf(repo)).toEqual({
      'refs/heads/main': second,
      'refs/heads/feature/x': head,
      'refs/tags/v1': second,
    });

    await git.clone({ fs, http, dir: two, url, onAuth, ...main });
    expect((await readFile(join(two, 'data'))).equals(bytes)).toBe(true);
    const third = await api.commit(repo, [file('README.md', '# changed\n')]);
    await git.pull({ fs, http, dir: two, url, onAuth, author, ...main });
    expect(await git.resolveRef({ fs, dir: two, ref: 'main' })).toBe(third);
    await git.commit({ fs, dir: one, author, message: 'behind' });
    await expect(git.push({ fs, http, dir: one, url, ref: 'main', onAuth })).rejects.toThrow();
    await git.push({ fs, http, dir: one, url, ref: 'v1', remoteRef: 'refs/tags/v1', delete: true, onAuth });
    await git.push({ fs, http, dir: one, url, ref: 'feature/x', delete: true, onAuth });
    expect(await refsOf(repo)).toEqual({ 'refs/heads/main': third });
    const shallow = join(hub.scratch, 'isomorphic-shallow');
    await git.clone({ fs, http, dir: shallow, url, onAuth, ref: 'main', depth: 1, singleBranch: true });
    expect(await git.log({ fs, dir: shallow })).toHaveLength(1);
  });
});

describe.each(['git-older', 'git-newer'] as const)('%s', (name) => {
  describeWithTools('of another release', [name, 'git-lfs'], (tools) => {
    test('clones, fetches, pushes and tags, with large files', async () => {
      const user = await createGitUser(hub, 'ada', { git: tools[name] });
      const repo: RepoPath = `models/ada/${name}`;
      const { address, head } = await made(repo);
      const one = await user.clone(address);
      const version = await user.git(one, 'version');
      expect(version).not.toBe(await user.git(one, '-c', 'alias.x=!/usr/bin/git version', 'x'));
      expect(await user.git(one, 'rev-parse', 'HEAD')).toBe(head);
      await user.git(one, 'lfs', 'track', '*.bin');
      const large = randomBytes(100_000);
      await writeFile(join(one, 'large.bin'), large);
      await writeFile(join(one, 'lines.txt'), 'a line\n'.repeat(10_000));
      await user.git(one, 'add', '--all');
      await user.git(one, 'commit', '--quiet', '--message', 'second');
      await user.git(one, 'tag', '--annotate', '--message', 'first', 'v1');
      await user.git(one, 'branch', 'feature/x', head);
      await user.git(one, 'push', '--quiet', '--atomic', 'origin', 'main', 'v1', 'feature/x');
      const second = await user.git(one, 'rev-parse', 'HEAD');
      const tag = await user.git(one, 'rev-parse', 'v1');
      expect(await refsOf(repo)).toEqual({
        'refs/heads/main': second,
        'refs/heads/feature/x': head,
        'refs/tags/v1': second,
      });

      for (const protocol of ['0', '1', '2']) {
        const two = await user.clone(address, '--config', `protocol.version=${protocol}`);
        expect((await readFile(join(two, 'large.bin'))).equals(large)).toBe(true);
        await user.git(two, 'fsck', '--strict');
        expect(await user.git(two, 'rev-parse', 'v1', 'origin/feature/x')).toBe(`${tag}\n${head}`);
      }
      const shallow = await user.clone(address, '--depth', '1');
      expect(await user.git(shallow, 'rev-list', '--count', 'HEAD')).toBe('1');
      await user.git(shallow, 'fetch', '--quiet', '--unshallow');
      const count = await user.git(one, 'rev-list', '--count', 'HEAD');
      expect(await user.git(shallow, 'rev-list', '--count', 'HEAD')).toBe(count);
      const partial = await user.clone(address, '--filter=blob:none', '--no-checkout');
      expect(await user.git(partial, 'rev-list', '--objects', '--missing=print', 'HEAD')).toContain('\n?');
      await user.git(partial, 'checkout', '--quiet', 'main');
      expect(await readFile(join(partial, 'lines.txt'), 'utf8')).toBe('a line\n'.repeat(10_000));

      const third = await api.commit(repo, [file('README.md', '# changed\n')]);
      await user.git(one, 'commit', '--quiet', '--allow-empty', '--message', 'behind');
      const late = await user.try(one, ['push', 'origin', 'main']);
      expect([late.code, late.stderr]).toMatchObject([1, expect.stringContaining('rejected') as string]);
      await user.git(one, 'pull', '--quiet', '--rebase');
      expect(await user.git(one, 'rev-parse', 'HEAD~1')).toBe(third);
      await user.git(one, 'push', '--quiet', 'origin', 'main', ':refs/tags/v1', '+main:feature/x');
      const last = await user.git(one, 'rev-parse', 'HEAD');
      expect(await refsOf(repo)).toEqual({ 'refs/heads/main': last, 'refs/heads/feature/x': last });
      if (name === 'git-newer') await expectBundleless(one);
    });

    /** git after 2.40 asks for bundles where it may; a server that has none is no failure. */
    async function expectBundleless(folder: string): Promise<void> {
      const user = await createGitUser(hub, 'ada', { git: tools[name] });
      const address = await user.git(folder, 'remote', 'get-url', 'origin');
      await user.clone(address, '--config', 'transfer.bundleURI=true', '--bare');
    }
  });
});

test('and the hub is sound after all of them', async () => {
  await expectSoundHub(hub);
});
