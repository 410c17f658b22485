import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import fs from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import isomorphic from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../support/fetch-scene.ts';
import { git, tryGit, type GitRun } from '../support/git-client.ts';
import type { TestHub } from '../support/hub.ts';
import { startNativeServer, type NativeServer } from '../support/native-server.ts';
import {
  createRepo,
  fileLine,
  repoClient,
  startPeopledHub,
  tokenOf,
  type Person,
} from '../support/scenario.ts';

/* Who may clone what, by which address, and what odd repositories look like when they arrive. */

let hub: TestHub;
let folder: string;
let native: NativeServer;
beforeAll(async () => {
  hub = await startPeopledHub();
  folder = mkdtempSync(join(tmpdir(), 'atoll-access-'));
  native = await startNativeServer(folder);
});
afterAll(async () => {
  await native[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
  await hub[Symbol.asyncDispose]();
});

/** An address with credentials in it, as CI jobs write them. */
const urlFor = (name: string, person: Person, user = 'anything'): string =>
  `${hub.url.replace('://', `://${user}:${tokenOf(person)}@`)}/${name}`;
const clone = (url: string, target: string, args: readonly string[] = []): Promise<GitRun> =>
  tryGit(folder, ['clone', '--quiet', ...args, url, target]);
let count = 0;
const fresh = (): string => join(folder, `target-${(count += 1)}`);

describe('a private repository', () => {
  beforeAll(async () => {
    const repo = await createRepo(hub, 'lab/secret', { person: 'lab-admin', isPrivate: true });
    await repo.commit([fileLine('secret.txt', 'secret\n')], { summary: 'secret' });
  });

  test.each<readonly [Person, string]>([
    ['visitor', 'visitor'],
    ['member', 'someone-else'],
    ['member-read', 'x'],
    ['lab-admin', 'hf_user'],
  ])('is cloned by a %s whose token is the password of "%s"', async (person, user) => {
    const target = fresh();
    const run = await clone(urlFor('lab/secret', person, user), target);
    expect(run.stderr).toBe('');
    expect(readFileSync(join(target, 'secret.txt'), 'utf8')).toBe('secret\n');
  });

  test('is not there for others, and git asks for credentials where they might help', async () => {
    const stranger = await clone(urlFor('lab/secret', 'stranger'), fresh());
    expect(stranger.stderr).toContain('Repository not found');
    expect(stranger.stderr).toMatch(/fatal: repository '.*' not found/);
    const anonymous = await clone(`${hub.url}/lab/secret`, fresh());
    expect(anonymous.stderr).toContain('could not read Username');
    const absent = await clone(`${hub.url}/lab/absent`, fresh());
    expect(absent.stderr).toContain('could not read Username');
    const wrong = await clone(urlFor('lab/secret', 'wrong'), fresh());
    expect(wrong.stderr).toContain('Authentication failed');
    for (const { code } of [stranger, anonymous, absent, wrong]) expect(code).toBe(128);
  });

  test('is asked for with what a credential helper knows', async () => {
    const target = fresh();
    const helper = `!f() { echo username=any; echo password=${tokenOf('visitor')}; }; f`;
    const run = await tryGit(folder, [
      '-c',
      `credential.helper=${helper}`,
      'clone',
      '--quiet',
      `${hub.url}/lab/secret.git`,
      target,
    ]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(await git(target, ['rev-parse', 'HEAD'])).toBe(
      await repoClient(hub, 'lab/secret', 'lab-admin').head(),
    );
  });
});

describe('an address', () => {
  test.each(['model', 'dataset', 'space'])('of a %s is good with .git and without', async (type) => {
    const answer = await repoClient(hub, `owner/kind-${type}`).create({
      type,
      ...(type === 'space' ? { sdk: 'static' } : {}),
    });
    expect(answer.status, answer.text).toBe(200);
    const prefix = type === 'model' ? '' : `${type}s/`;
    for (const suffix of ['', '.git', '/', '.git/']) {
      const target = fresh();
      const run = await clone(`${hub.url}/${prefix}owner/kind-${type}${suffix}`, target);
      expect([suffix, run.stderr]).toEqual([suffix, '']);
      expect(await readdir(target)).toContain('.gitattributes');
    }
    if (type === 'model') expect((await clone(`${hub.url}/models/owner/kind-model`, fresh())).code).toBe(0);
  });

  test('from before a move still serves clone, fetch and push', async () => {
    const repo = await createRepo(hub, 'owner/former');
    await repo.commit([fileLine('a.txt', 'a\n')], { summary: 'a' });
    const [mine, other] = [fresh(), fresh()];
    expect((await clone(urlFor('owner/former', 'owner'), mine)).code).toBe(0);
    const moved = await hub.send('POST', '/api/repos/move', {
      token: tokenOf('owner'),
      body: { fromRepo: 'owner/former', toRepo: 'owner/latter', type: 'model' },
    });
    expect(moved.status, moved.text).toBe(200);
    const head = await repoClient(hub, 'owner/latter').commit([fileLine('b.txt', 'b\n')], { summary: 'b' });
    for (const suffix of ['', '.git']) {
      const answer = await hub.send('GET', `/owner/former${suffix}/info/refs?service=git-upload-pack`);
      expect(answer.status).toBe(307);
      expect(answer.headers['location']).toBe(`/owner/latter${suffix}/info/refs?service=git-upload-pack`);
    }
    expect((await tryGit(mine, ['pull', '--ff-only'])).stderr).toContain('redirecting to');
    expect(await git(mine, ['rev-parse', 'HEAD'])).toBe(head);
    expect((await clone(`${hub.url}/owner/former.git`, other)).code).toBe(0);
    expect(await git(other, ['rev-parse', 'HEAD'])).toBe(head);
    await git(mine, ['commit', '--quiet', '--allow-empty', '-m', 'pushed to where it was']);
    const pushed = await tryGit(mine, ['push', 'origin', 'main']);
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(await repoClient(hub, 'owner/latter').head()).toBe(await git(mine, ['rev-parse', 'HEAD']));
  });
});

describe('a repository', () => {
  test('with only folders at its root, with one file, and with none', async () => {
    const remove = (path: string) => ['deletedFile', { path }] as const;
    const repo = await createRepo(hub, 'owner/odd');
    const steps = [
      [remove('.gitattributes'), fileLine('only/in/a/folder.txt', 'x\n'), fileLine('and/another.txt', 'y\n')],
      [remove('and/another.txt'), remove('only/in/a/folder.txt'), fileLine('one.txt', '1\n')],
      [remove('one.txt')],
    ];
    for (const [step, lines] of steps.entries()) {
      const head = await repo.commit(lines, { summary: `step ${step}` });
      for (const args of [[], ['--depth', '1'], ['--filter=blob:none'], ['--filter=tree:0']]) {
        const target = fresh();
        expect((await clone(`${hub.url}/owner/odd`, target, args)).code).toBe(0);
        expect(await git(target, ['rev-parse', 'HEAD'])).toBe(head);
        const files = await git(target, ['ls-files']);
        expect(files).toBe(['and/another.txt\nonly/in/a/folder.txt', 'one.txt', ''][step]);
        await git(target, ['fsck', '--strict']);
      }
    }
  });

  test('with octopus merges, crossed merges and tags of tags comes as it went, whole or in part', async () => {
    const source = join(folder, 'tangled.git');
    const work = fresh();
    await git(folder, ['init', '--quiet', '--initial-branch=main', work]);
    let time = 1_700_000_000;
    const at = () => ({
      env: { GIT_COMMITTER_DATE: `${(time += 3600)} +0000`, GIT_AUTHOR_DATE: `${time} +0100` },
    });
    const commit = async (text: string): Promise<void> => {
      await git(work, ['commit', '--quiet', '--allow-empty', '-m', text], at());
    };
    await commit('root');
    for (const branch of ['a', 'b', 'c']) {
      await git(work, ['checkout', '--quiet', '-b', branch, 'main']);
      await git(work, ['rm', '--quiet', '-r', '--ignore-unmatch', '.']);
      fs.writeFileSync(join(work, `${branch}.txt`), `${branch}\n`.repeat(50));
      await git(work, ['add', '.']);
      await commit(`${branch} 1`);
      await commit(`${branch} 2`);
    }
    await git(work, ['checkout', '--quiet', 'main']);
    await git(work, ['merge', '--quiet', '-m', 'octopus', 'a', 'b', 'c'], at());
    await git(work, ['checkout', '--quiet', 'a']);
    await git(work, ['merge', '--quiet', '-m', 'cross a', 'b'], at());
    await git(work, ['checkout', '--quiet', 'b']);
    await git(work, ['merge', '--quiet', '-m', 'cross b', 'a~1'], at());
    await git(work, ['tag', '-a', '-m', 'inner', 'inner', 'c'], at());
    await git(work, ['tag', '-a', '-m', 'outer', 'outer', 'inner'], at());
    await git(work, ['checkout', '--quiet', '--orphan', 'lone']);
    await commit('another root');
    await git(work, ['checkout', '--quiet', 'main']);
    await commit('last');
    await createRepo(hub, 'owner/tangled');
    await git(work, ['push', '--quiet', '--force', urlFor('owner/tangled', 'owner'), '--all']);
    await git(work, ['push', '--quiet', urlFor('owner/tangled', 'owner'), '--tags']);
    await git(folder, ['clone', '--quiet', '--mirror', work, source]);
    for (const name of ['allowFilter', 'allowAnySHA1InWant'])
      await git(source, ['config', `uploadpack.${name}`, 'true']);

    const ways = [
      ['--mirror'],
      ['--bare', '--branch', 'outer'],
      ...[1, 2, 3, 4].map((depth) => ['--bare', '--depth', String(depth), '--no-single-branch']),
      ['--bare', '--shallow-exclude=a'],
      ['--bare', '--shallow-exclude=outer'],
      ['--bare', `--shallow-since=${time - 5 * 3600}`],
      ['--bare', '--filter=blob:none'],
      ['--bare', '--filter=tree:1', '--depth', '2'],
    ];
    for (const version of [0, 2]) {
      for (const args of ways) {
        const [ours, theirs] = [fresh(), fresh()];
        const flags = ['-c', `protocol.version=${version}`, 'clone', '--quiet', ...args];
        await git(folder, [...flags, `${hub.url}/owner/tangled`, ours]);
        await git(folder, [...flags, `${native.url}/tangled.git`, theirs]);
        expect([version, args, await contentOf(ours)]).toEqual([version, args, await contentOf(theirs)]);
        await git(ours, ['fsck', '--strict']);
      }
    }
  });
});

describe('clones', () => {
  test('begin at the branch that is the default now', async () => {
    const repo = await createRepo(hub, 'owner/turned');
    expect((await repo.api('POST', 'branch/other', { body: {} })).status).toBe(200);
    const head = await repo.commit([fileLine('o.txt', 'o\n')], { summary: 'o' }, 'other');
    const changed = await repo.api('PUT', 'settings', { body: { defaultBranch: 'other' } });
    expect(changed.status, changed.text).toBe(200);
    for (const version of [0, 1, 2]) {
      const target = fresh();
      await git(folder, [
        '-c',
        `protocol.version=${version}`,
        'clone',
        '--quiet',
        `${hub.url}/owner/turned`,
        target,
      ]);
      expect(await git(target, ['rev-parse', '--abbrev-ref', 'HEAD'])).toBe('other');
      expect(await git(target, ['rev-parse', 'HEAD'])).toBe(head);
    }
  });

  test('of one person at the same time all come to their end, though not all at once', async () => {
    const targets = Array.from({ length: 20 }, () => fresh());
    const runs = await Promise.all(targets.map((target) => clone(urlFor('lab/secret', 'visitor'), target)));
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(targets.map(() => [0, '']));
    expect(hub.loggedErrors()).toEqual([]);
  });
});

describe('isomorphic-git', () => {
  test('clones, fetches what is new, and lists refs', async () => {
    const repo = await createRepo(hub, 'owner/by-iso');
    for (let n = 0; n < 4; n++)
      await repo.commit([fileLine(`d/f${n}.txt`, `${n}\n`.repeat(99))], { summary: `commit ${n}` });
    expect((await repo.api('POST', 'tag/main', { body: { tag: 'v1', message: 'One' } })).status).toBe(200);
    const url = `${hub.url}/owner/by-iso`;
    const dir = fresh();
    await isomorphic.clone({ fs, http, dir, url, singleBranch: false });
    expect(await isomorphic.resolveRef({ fs, dir, ref: 'HEAD' })).toBe(await repo.head());
    expect(readFileSync(join(dir, 'd/f3.txt'), 'utf8')).toBe('3\n'.repeat(99));
    const shallow = fresh();
    await isomorphic.clone({ fs, http, dir: shallow, url, depth: 2 });
    expect(await isomorphic.log({ fs, dir: shallow })).toHaveLength(2);
    const head = await repo.commit([fileLine('new.txt', 'new\n')], { summary: 'new' });
    for (const into of [dir, shallow]) {
      await isomorphic.fetch({ fs, http, dir: into, url });
      expect(await isomorphic.resolveRef({ fs, dir: into, ref: 'refs/remotes/origin/main' })).toBe(head);
      await git(into, ['fsck', '--strict']);
    }
    for (const protocolVersion of [1, 2] as const) {
      const refs = await isomorphic.listServerRefs({
        http,
        url,
        protocolVersion,
        symrefs: true,
        peelTags: true,
      });
      expect(refs).toContainEqual({ ref: 'HEAD', oid: head, target: 'refs/heads/main' });
      expect(refs.map(({ ref }) => ref)).toEqual(expect.arrayContaining(['refs/heads/main', 'refs/tags/v1']));
    }
    const onAuth = () => ({ username: 'any', password: tokenOf('visitor') ?? '' });
    const secret = fresh();
    await isomorphic.clone({ fs, http, dir: secret, url: `${hub.url}/lab/secret`, onAuth });
    expect(readFileSync(join(secret, 'secret.txt'), 'utf8')).toBe('secret\n');
  });
});
