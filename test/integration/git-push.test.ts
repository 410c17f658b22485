import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { git, tryGit, type GitRun } from '../support/git-client.ts';
import type { TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  repoClient,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type Person,
  type RepoClient,
} from '../support/scenario.ts';

/* What a push does, by the git that is installed: after each, a fresh clone is sound and the API says the same. */

let hub: TestHub;
let folder: string;
beforeAll(async () => {
  hub = await startPeopledHub(['--limits-inline-file-size', '6MiB']);
  folder = mkdtempSync(join(tmpdir(), 'atoll-push-'));
});
afterEach(async () => {
  // Whatever a push was, nothing of it is left lying about.
  expect(await readdir(join(hub.dataDir, 'staging'))).toEqual([]);
});
afterAll(async () => {
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  expect(hub.loggedErrors()).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
  await hub[Symbol.asyncDispose]();
});

const urlOf = (name: string, person: Person = 'owner'): string => {
  const token = tokenOf(person);
  return token === undefined
    ? `${hub.url}/${name}`
    : `${hub.url.replace('://', `://user:${token}@`)}/${name}`;
};

interface Work {
  readonly repo: RepoClient;
  readonly at: string;
  git(...args: readonly string[]): Promise<string>;
  try(...args: readonly string[]): Promise<GitRun>;
  write(path: string, content: string | Buffer): void;
  /** Write files and commit them. Answers the id. */
  commit(files?: Readonly<Record<string, string | Buffer>>): Promise<string>;
  push(...args: readonly string[]): Promise<GitRun>;
  /** A fresh clone is sound, and names the same commits as the API. */
  expectSame(...branches: readonly string[]): Promise<void>;
}

let count = 0;

function workOn(repo: RepoClient, at: string): Work {
  const work: Work = {
    repo,
    at,
    git: (...args) => git(at, args),
    try: (...args) => tryGit(at, args),
    write(path, content) {
      mkdirSync(dirname(join(at, path)), { recursive: true });
      writeFileSync(join(at, path), content);
    },
    async commit(files = { [`file-${(count += 1)}.txt`]: `text ${count}\n` }) {
      for (const [path, content] of Object.entries(files)) work.write(path, content);
      await work.git('add', '--all');
      await work.git('commit', '--quiet', '--message', 'a change');
      return work.git('rev-parse', 'HEAD');
    },
    push: (...args) => tryGit(at, ['push', 'origin', ...args]),
    async expectSame(...branches) {
      const fresh = join(folder, `fresh-${(count += 1)}`);
      await git(folder, ['clone', '--quiet', '--mirror', urlOf(repo.name), fresh]);
      await git(fresh, ['fsck', '--strict', '--full']);
      for (const branch of branches.length > 0 ? branches : ['main']) {
        const id = await git(fresh, ['rev-parse', `refs/heads/${branch}`]);
        expect(id).toBe(await work.git('rev-parse', branch));
        expect(await repo.head(encodeURIComponent(branch))).toBe(id);
      }
      rmSync(fresh, { recursive: true, force: true });
    },
  };
  return work;
}

/** A repository of the hub and a clone of it. */
async function cloned(): Promise<Work> {
  const repo = await createRepo(hub, `owner/p${(count += 1)}`);
  const at = join(folder, `work-${count}`);
  await git(folder, ['clone', '--quiet', urlOf(repo.name), at]);
  return workOn(repo, at);
}

/** A repository of the hub and a new one beside it that has nothing in common with it. */
async function started(): Promise<Work> {
  const repo = await createRepo(hub, `owner/p${(count += 1)}`);
  const at = join(folder, `work-${count}`);
  await git(folder, ['init', '--quiet', '--initial-branch=main', at]);
  await git(at, ['remote', 'add', 'origin', urlOf(repo.name)]);
  return workOn(repo, at);
}

const expectOk = ({ code, stderr }: GitRun): void => expect({ code, stderr }).toMatchObject({ code: 0 });
const expectRefused = ({ code, stderr }: GitRun, reason: string | RegExp): void => {
  expect(stderr).toMatch(reason);
  expect(code).not.toBe(0);
};

describe('branches and tags', () => {
  test('a commit arrives, and the API has its files', async () => {
    const work = await cloned();
    await work.commit({ 'a.txt': 'one\n', 'dir/b.txt': 'two\n' });
    expectOk(await work.push('main'));
    await work.expectSame();
    expect((await work.repo.resolve('main', 'dir/b.txt')).text).toBe('two\n');
    expect(await work.repo.paths()).toEqual(['.gitattributes', 'a.txt', 'dir/b.txt']);
  });

  test('a first history is taken instead of the first commit when it is forced, and not otherwise', async () => {
    const work = await started();
    await work.commit();
    expectRefused(await work.push('main'), 'fetch first');
    expectOk(await work.push('--force', 'main'));
    await work.expectSame();
  });

  test('new branches, with and without new objects, and their end', async () => {
    const work = await cloned();
    await work.git('branch', 'same');
    await work.git('switch', '--quiet', '--create', 'dir/new');
    await work.commit();
    expectOk(await work.push('same', 'dir/new'));
    await work.expectSame('main', 'same', 'dir/new');
    expectOk(await work.push('--delete', 'same'));
    expectRefused(
      await work.push(':refs/heads/same'),
      /remote ref does not exist|There is no refs\/heads\/same/,
    );
    expectRefused(await work.push('--delete', 'main'), 'it is the default branch');
    await work.expectSame('main', 'dir/new');
  });

  test('tags: plain, annotated, of tags, signed', async () => {
    const work = await cloned();
    const head = await work.commit();
    await work.git('tag', 'plain');
    await work.git('tag', '-a', '-m', 'first', 'annotated');
    await work.git('tag', '-a', '-m', 'of a tag', 'nested', 'annotated');
    const signed = `object ${head}\ntype commit\ntag signed\ntagger A <a@b> 1700000000 +0000\n\nx\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n`;
    const oid = await git(work.at, ['hash-object', '-t', 'tag', '-w', '--stdin'], { input: signed });
    await work.git('update-ref', 'refs/tags/signed', oid);
    expectOk(await work.push('main', '--tags'));
    await work.expectSame();
    for (const tag of ['plain', 'annotated', 'nested', 'signed']) {
      expect(await work.repo.head(tag)).toBe(head);
    }
    expectOk(await work.push('--delete', 'annotated'));
    expectRefused(await work.push('HEAD^{tree}:refs/heads/tree'), 'A branch leads to a commit');
  });

  test('a history with merges, an octopus, renames, links, programs, submodules and a signed commit', async () => {
    const work = await cloned();
    await work.commit({ 'a.txt': 'a\n'.repeat(50), 'run.sh': '#!/bin/sh\n', 'crlf.txt': 'x\r\ny\r\n' });
    await work.git('update-index', '--chmod=+x', 'run.sh');
    symlinkSync('a.txt', join(work.at, 'link'));
    work.write('.gitattributes', '*.txt text eol=crlf\n');
    await work.commit({});
    for (const name of ['x', 'y', 'z']) {
      await work.git('switch', '--quiet', '--create', name, 'main');
      await work.commit({ [`${name}.txt`]: `${name}\n` });
    }
    await work.git('switch', '--quiet', 'main');
    await work.git('merge', '--quiet', '--no-edit', 'x', 'y', 'z');
    await work.git('mv', 'a.txt', 'renamed.txt');
    await work.commit({});
    await work.git('update-index', '--add', '--cacheinfo', `160000,${'5'.repeat(40)},module`);
    work.write('.gitmodules', '[submodule "module"]\n\tpath = module\n\turl = https://example.org/x.git\n');
    await work.git('add', '.gitmodules');
    await work.git('commit', '--quiet', '--message', 'a submodule');
    const tree = await work.git('rev-parse', 'HEAD^{tree}');
    const parent = await work.git('rev-parse', 'HEAD');
    const who = 'A <a@b> 1700000000 +0530';
    const signed = `tree ${tree}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\nsigned\n`;
    const oid = await git(work.at, ['hash-object', '-t', 'commit', '-w', '--stdin'], { input: signed });
    await work.git('reset', '--quiet', '--soft', oid);
    expectOk(await work.push('main'));
    await work.expectSame();
    expect((await work.repo.api('GET', 'commits/main')).json<unknown[]>().length).toBeGreaterThan(5);
  });

  test('a text of 5 MB that changes, and a pack of more than a megabyte in pieces', async () => {
    const work = await cloned();
    const lines = Array.from({ length: 70_000 }, (_, i) => `${i} ${randomBytes(32).toString('hex')}\n`);
    await work.commit({ 'big.txt': lines.join('') });
    expectOk(await work.push('main'));
    lines[500] = 'changed\n';
    await work.commit({ 'big.txt': lines.join('') });
    expectOk(await work.push('main'));
    await work.expectSame();
    expect((await work.repo.resolve('main', 'big.txt')).text).toBe(lines.join(''));
  });

  test('many files at once', async () => {
    const work = await cloned();
    const files = Array.from({ length: 3000 }, (_, i): [string, string] => [
      `d${i % 13}/f${i}.txt`,
      `${i}\n`,
    ]);
    await work.commit(Object.fromEntries(files));
    expectOk(await work.push('main'));
    await work.expectSame();
    expect(await work.repo.paths()).toHaveLength(3001);
  });
});

describe('what others did meanwhile', () => {
  test('is not overwritten, unless it is forced with what is there', async () => {
    const work = await cloned();
    await work.repo.commit([fileLine('api.txt', 'by the API')]);
    await work.commit();
    expectRefused(await work.push('main'), 'fetch first');
    expectRefused(await work.push('--force-with-lease', 'main'), 'stale info');
    await work.git('pull', '--quiet', '--rebase', 'origin', 'main');
    expectOk(await work.push('main'));
    await work.expectSame();
    await work.git('commit', '--quiet', '--amend', '--message', 'other words');
    expectRefused(await work.push('main'), 'rejected');
    expectOk(await work.push('--force-with-lease', 'main'));
    await work.expectSame();
  });

  test('pushes and API commits that race lose nothing', async () => {
    const work = await cloned();
    const works = [work];
    for (let i = 0; i < 2; i += 1) {
      const at = join(folder, `racer-${(count += 1)}`);
      await git(folder, ['clone', '--quiet', urlOf(work.repo.name), at]);
      works.push(workOn(work.repo, at));
    }
    const made: string[] = [];
    const byApi = async (): Promise<void> => {
      for (let i = 0; i < 6; i += 1) made.push(await work.repo.commit([fileLine(`api-${i}.txt`, `${i}`)]));
    };
    const byGit = async (one: Work): Promise<void> => {
      for (let i = 0; i < 3; i += 1) {
        await one.commit();
        for (let tries = 0; ; tries += 1) {
          const { code, stderr } = await one.push('main');
          if (code === 0) break;
          expect(stderr).toMatch(/fetch first|non-fast-forward/);
          expect(tries).toBeLessThan(50);
          await one.git('pull', '--quiet', '--rebase', 'origin', 'main');
        }
        made.push(await one.git('rev-parse', 'HEAD'));
      }
    };
    await Promise.all([byApi(), ...works.map(byGit)]);
    await work.git('pull', '--quiet', '--rebase', 'origin', 'main');
    await work.expectSame();
    const all = (await work.git('rev-list', 'main')).split('\n');
    expect(all).toHaveLength(1 + 6 + 9);
    for (const commit of made) expect(all).toContain(commit);
  });

  test('one ref that is refused keeps no other back, but in an atomic push', async () => {
    const work = await cloned();
    await work.git('branch', 'good');
    await work.commit();
    const head = await work.git('rev-parse', 'main');
    await work.repo.commit([fileLine('api.txt', 'by the API')]);
    const url = urlOf(work.repo.name);
    // The list of refs is known to be old, as it is for whoever loses a race.
    expectRefused(await work.push('--atomic', 'main', 'good:refs/heads/one'), /atomic|fetch first/);
    expectRefused(await work.try('push', url, 'good:refs/heads/one', 'main:refs/pr/1'), 'pull request');
    expect(await git(work.at, ['ls-remote', url, 'refs/heads/one'])).not.toBe('');
    expectRefused(
      await work.try('push', '--atomic', url, 'good:refs/heads/two', `${head}:refs/internal/x`),
      'another ref of this atomic push was refused',
    );
    expect(await git(work.at, ['ls-remote', url, 'refs/heads/two'])).toBe('');
  });
});

describe('is refused with a sentence', () => {
  test.each([
    ['refs/pr/3', 'belongs to a pull request'],
    ['refs/internal/x', 'is reserved'],
    ['refs/heads/-x', 'starts with "-"'],
    ['refs/heads/HEAD', 'is reserved'],
    ['refs/heads/refs/heads/x', 'is reserved'],
    ['refs/heads/1234567', 'could be read as a commit id'],
    ['refs/heads/Main', 'cannot exist beside'],
    ['refs/heads/main/below', 'cannot exist beside'],
    [`refs/heads/${'x'.repeat(256)}`, 'more than 255 bytes'],
  ])('a push to %s', async (name, reason) => {
    const work = await cloned();
    expectRefused(await work.push(`HEAD:${name}`), reason);
  });

  test('a file over the limit, by its path, and nothing of it is kept', async () => {
    const work = await cloned();
    await work.commit({ 'data/big.bin': randomBytes(7 * 1024 * 1024) });
    const before = await hub.snapshot();
    expectRefused(await work.push('main'), /"data\/big.bin" has 7340032 bytes.*Git LFS/);
    expect((await hub.snapshot()).files).toEqual(before.files);
  });

  test('a pointer to a file that nobody sent; once it is sent, the push is taken', async () => {
    const work = await cloned();
    const large = randomBytes(100_000);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(large)}\nsize ${large.length}\n`;
    await work.commit({ 'model.bin': pointer });
    expectRefused(await work.push('main'), /"model.bin" was not uploaded.*git lfs push/);
    await work.repo.uploadLfs(large);
    expectOk(await work.push('main'));
    await work.expectSame();
    expect((await work.repo.resolve('main', 'model.bin')).body.equals(large)).toBe(true);
    const files = (await work.repo.api('GET', 'lfs-files')).json<{ filename?: string }[]>();
    expect(JSON.stringify(files)).toContain('model.bin');
  });

  test('a large file that was given up stays when it is sent again, though git sends no pointer twice', async () => {
    const work = await cloned();
    const large = randomBytes(100_000);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(large)}\nsize ${large.length}\n`;
    await work.repo.uploadLfs(large);
    await work.commit({ 'model.bin': pointer });
    expectOk(await work.push('main'));
    const deletions = { sha: [sha256Of(large)], rewriteHistory: false };
    expect((await work.repo.api('POST', 'lfs-files/batch', { body: { deletions } })).status).toBe(200);
    expect((await work.repo.batchOne('download', large)).error?.code).toBe(404);

    await work.repo.uploadLfs(large);
    await work.commit({ 'copy/model.bin': pointer });
    expectOk(await work.push('main'));
    // What only waits for a commit is out of sight by then.
    hub.advance(30 * 86_400_000);
    expect((await work.repo.resolve('main', 'copy/model.bin')).body.equals(large)).toBe(true);
    await work.expectSame();
  });

  test('a pointer that says another size than the file has', async () => {
    const work = await cloned();
    const large = randomBytes(1000);
    await work.repo.uploadLfs(large);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(large)}\nsize 999\n`;
    await work.commit({ 'model.bin': pointer });
    expectRefused(await work.push('main'), 'was not uploaded');
  });

  test('a card that cannot be read', async () => {
    const work = await cloned();
    await work.commit({ 'README.md': '---\nlicense: [\n---\n' });
    expectRefused(await work.push('main'), 'Invalid metadata in README.md');
  });

  test('a submodule that would run a program', async () => {
    const work = await cloned();
    await work.commit({ '.gitmodules': '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c id\n' });
    expectRefused(await work.push('main'), 'would run a program');
  });

  test('a name that Windows cannot store, by its path', async () => {
    const work = await cloned();
    await work.commit({ 'dir/a:b.txt': 'x' });
    expectRefused(await work.push('main'), /"dir\/a:b.txt" has a colon/);
  });

  test('a name that is not UTF-8', async () => {
    const work = await cloned();
    writeFileSync(Buffer.concat([Buffer.from(`${work.at}/caf`), Buffer.from([0xe9])]), 'x');
    await work.commit({});
    expectRefused(await work.push('main'), 'not UTF-8');
  });

  test('a shallow history whose beginning is not here', async () => {
    const work = await cloned();
    for (let i = 0; i < 3; i += 1) await work.commit();
    const shallow = join(folder, `shallow-${(count += 1)}`);
    await git(folder, ['clone', '--quiet', '--depth=1', `file://${work.at}`, shallow]);
    const refused = await tryGit(shallow, ['push', urlOf(work.repo.name), 'HEAD:refs/heads/cut']);
    expectRefused(refused, 'incomplete');
    // From one whose beginning is here it is taken.
    expectOk(await work.push('main'));
    const lean = join(folder, `lean-${(count += 1)}`);
    await git(folder, ['clone', '--quiet', '--depth=1', urlOf(work.repo.name), lean]);
    const again = workOn(work.repo, lean);
    await again.commit();
    expectOk(await again.push('main'));
    await again.expectSame();
  });
});

describe('people', () => {
  test.each([
    ['stranger', 'not found|Forbidden|403|denied|not allowed'],
    ['owner-read', '403|not allowed|denied|Forbidden'],
    ['anonymous', 'could not read Username|Authentication failed'],
    ['wrong', 'Authentication failed'],
  ] as const)('%s cannot push', async (person, reason) => {
    const work = await cloned();
    await work.commit();
    expectRefused(await work.try('push', urlOf(work.repo.name, person), 'main'), new RegExp(reason));
    expect(await work.repo.head()).not.toBe(await work.git('rev-parse', 'main'));
  });

  test('members push to what is their organization\u2019s, visitors do not', async () => {
    const name = `lab/p${(count += 1)}`;
    expect((await repoClient(hub, name, 'member').create()).status).toBe(200);
    const at = join(folder, `work-${count}`);
    await git(folder, ['clone', '--quiet', urlOf(name, 'member'), at]);
    const work = workOn(repoClient(hub, name, 'member'), at);
    await work.commit();
    expectRefused(await work.try('push', urlOf(name, 'visitor'), 'main'), /403|not allowed|denied|Forbidden/);
    expectOk(await work.push('main'));
  });
});
