import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  ndjson,
  repoClient,
  startPeopledHub,
  type RepoClient,
} from '../support/scenario.ts';

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

let count = 0;
const newRepo = (): Promise<RepoClient> => createRepo(hub, `owner/b${(count += 1)}`);
const enc = encodeURIComponent;
const createBranch = (repo: RepoClient, name: string, body: object = {}): Promise<Answer> =>
  repo.api('POST', `branch/${enc(name)}`, { body });
const deleteBranch = (repo: RepoClient, name: string): Promise<Answer> =>
  repo.api('DELETE', `branch/${enc(name)}`);
const createTag = (repo: RepoClient, tag: string, more: object = {}, revision = 'main'): Promise<Answer> =>
  repo.api('POST', `tag/${enc(revision)}`, { body: { tag, ...more } });
const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;

interface Refs {
  readonly branches: readonly {
    readonly name: string;
    readonly ref: string;
    readonly targetCommit: string;
  }[];
  readonly tags: readonly { readonly name: string; readonly ref: string; readonly targetCommit: string }[];
}
const refsOf = async (repo: RepoClient): Promise<Refs> =>
  (await repo.api('GET', 'refs')).json<Refs & Record<string, unknown>>();
const namesOf = async (repo: RepoClient): Promise<string> => {
  const { branches, tags } = await refsOf(repo);
  return [branches, tags].map((refs) => refs.map(({ name }) => name).join(' ')).join(' | ');
};

describe('branches', () => {
  test('begin at the head of the default branch, or where they are told', async () => {
    const repo = await newRepo();
    const first = await repo.head();
    const second = await repo.commit([fileLine('a', '1')]);
    expect((await createBranch(repo, 'dev')).status).toBe(200);
    expect((await repo.api('POST', 'branch/bare')).status).toBe(200);
    for (const [name, startingPoint] of [
      ['at-id', first],
      ['at-short', first.slice(0, 8)],
      ['at-branch', 'dev'],
      ['feature/x', 'main'],
    ]) {
      expect((await createBranch(repo, name ?? '', { startingPoint })).status).toBe(200);
    }
    const { branches } = await refsOf(repo);
    expect(
      Object.fromEntries(branches.map(({ name, ref, targetCommit }) => [name, [ref, targetCommit]])),
    ).toEqual({
      main: ['refs/heads/main', second],
      dev: ['refs/heads/dev', second],
      bare: ['refs/heads/bare', second],
      'at-id': ['refs/heads/at-id', first],
      'at-short': ['refs/heads/at-short', first],
      'at-branch': ['refs/heads/at-branch', second],
      'feature/x': ['refs/heads/feature/x', second],
    });
  });

  test('are created once', async () => {
    const repo = await newRepo();
    expect((await createBranch(repo, 'dev')).status).toBe(200);
    const again = await createBranch(repo, 'dev');
    expect(codeOf(again)).toBe('409 Conflict');
    expect(again.json()['error']).toBe('Reference refs/heads/dev already exists.');
    const many = await Promise.all(Array.from({ length: 10 }, () => createBranch(repo, 'raced')));
    expect(many.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
  });

  test('are moved when that is asked for', async () => {
    const repo = await newRepo();
    const first = await repo.head();
    await repo.commit([fileLine('a', '1')]);
    await createBranch(repo, 'dev');
    expect((await createBranch(repo, 'dev', { startingPoint: first, overwrite: true })).status).toBe(200);
    expect(await repo.head('dev')).toBe(first);
    expect((await createBranch(repo, 'fresh', { overwrite: true })).status).toBe(200);
  });

  test.each([
    ['a..b', '400 InvalidRevision'],
    ['a.lock', '400 InvalidRevision'],
    ['a b', '400 InvalidRevision'],
    ['-x', '400 InvalidRevision'],
    ['--upload-pack=x', '400 InvalidRevision'],
    ['a\\b', '400 InvalidRevision'],
    ['.a', '400 InvalidRevision'],
    ['a\u007fb', '400 InvalidRevision'],
    ['0'.repeat(40), '400 InvalidRevision'],
    ['deadbeef', '400 InvalidRevision'],
    ['x'.repeat(300), '400 InvalidRevision'],
    ['HEAD', '400 ReservedName'],
    ['@', '400 ReservedName'],
    ['refs/heads/x', '400 ReservedName'],
  ])('are never called %j, and neither are tags', async (name, expected) => {
    const repo = await newRepo();
    await expectNothingStored(hub, async () => {
      expect(codeOf(await createBranch(repo, name))).toBe(expected);
      expect(codeOf(await createTag(repo, name))).toBe(expected);
      expect((await createTag(repo, name, { message: 'annotated' })).status).toBe(400);
    });
  });

  test.each([
    ['a', 'a/b'],
    ['a/b', 'a'],
    ['a/b', 'a/b/c'],
    ['dev', 'Dev'],
    ['a/B', 'A/b/c'],
    ['café', 'cafe\u0301'],
  ])('%j and %j cannot be side by side', async (one, other) => {
    const repo = await newRepo();
    expect((await createBranch(repo, one)).status).toBe(200);
    expect(codeOf(await createBranch(repo, other))).toBe('409 Conflict');
    expect((await createTag(repo, other)).status).toBe(200);
    expect(codeOf(await createTag(repo, one))).toBe('409 Conflict');
    expect((await deleteBranch(repo, one)).status).toBe(200);
    expect((await createBranch(repo, other)).status).toBe(200);
  });

  test('end, but not the default one', async () => {
    const repo = await newRepo();
    await createBranch(repo, 'feature/x');
    expect((await deleteBranch(repo, 'feature/x')).status).toBe(200);
    const gone = await deleteBranch(repo, 'feature/x');
    expect(codeOf(gone)).toBe('404 RevisionNotFound');
    expect(gone.json()['error']).toContain('Invalid rev id');
    const main = await deleteBranch(repo, 'main');
    expect(codeOf(main)).toBe('403 Forbidden');
    expect(main.json()['error']).toContain('Cannot delete refs/heads/main');
    expect(await namesOf(repo)).toBe('main | ');
  });

  test('begin nowhere else', async () => {
    const repo = await newRepo();
    for (const [startingPoint, status] of [
      ['absent', 404],
      ['', 400],
      [1, 400],
      [{}, 400],
      [['main'], 400],
    ]) {
      expect([startingPoint, (await createBranch(repo, 'dev', { startingPoint })).status]).toEqual([
        startingPoint,
        status,
      ]);
    }
  });
});

describe('tags', () => {
  test('name a commit; with a message they are objects of their own that lead to it', async () => {
    const repo = await newRepo();
    const first = await repo.head();
    await repo.commit([fileLine('a', '1')]);
    expect((await createTag(repo, 'light', {}, first)).status).toBe(200);
    expect((await createTag(repo, 'annotated', { message: 'Words\n\nand more' }, first)).status).toBe(200);
    expect((await createTag(repo, 'null-message', { message: null })).status).toBe(200);
    const { tags } = await refsOf(repo);
    expect(tags.map(({ name, targetCommit }) => [name, targetCommit === first])).toEqual([
      ['annotated', true],
      ['light', true],
      ['null-message', false],
    ]);
    expect(await repo.paths('annotated')).toEqual(['.gitattributes']);
  });

  test('are created once, and may have the name of a branch', async () => {
    const repo = await newRepo();
    await createBranch(repo, 'v1');
    expect((await createTag(repo, 'v1')).status).toBe(200);
    expect(codeOf(await createTag(repo, 'v1'))).toBe('409 Conflict');
    expect(codeOf(await createTag(repo, 'v1', { message: 'other' }))).toBe('409 Conflict');
    expect(await namesOf(repo)).toBe('main v1 | v1');
  });

  test('end; a branch is none', async () => {
    const repo = await newRepo();
    await createTag(repo, 'v1/rc');
    expect((await repo.api('DELETE', 'tag/v1%2Frc')).status).toBe(200);
    for (const name of ['v1%2Frc', 'main', 'refs%2Fheads%2Fmain', 'refs%2Ftags%2Fv1']) {
      expect(codeOf(await repo.api('DELETE', `tag/${name}`))).toBe('404 RevisionNotFound');
    }
  });

  test('need a commit and a name', async () => {
    const repo = await newRepo();
    expect(codeOf(await createTag(repo, 'v1', {}, 'absent'))).toBe('404 RevisionNotFound');
    expect(codeOf(await createTag(repo, 'no name', {}, 'absent'))).toBe('404 RevisionNotFound');
    for (const body of [{}, { tag: 1 }, { tag: 'v1', message: 1 }, { tag: 'v1', message: 'a\0b' }]) {
      expect(codeOf(await repo.api('POST', 'tag/main', { body }))).toBe('400 InvalidBody');
    }
  });
});

test('refs for pull requests are there only when they are asked for', async () => {
  const repo = await newRepo();
  expect((await repo.api('GET', 'refs')).json()).not.toHaveProperty('pullRequests');
  expect((await repo.api('GET', 'refs?include_prs=1')).json()).toMatchObject({
    pullRequests: [],
    converts: [],
  });
});

test('commits are listed in pages, newest first', async () => {
  const repo = await newRepo();
  for (let index = 0; index < 5; index++)
    await repo.commit([fileLine(`f${index}`, '')], { summary: `commit ${index}` });
  const titles: string[] = [];
  let target: string | undefined = `/api/models/${repo.name}/commits/main?limit=2`;
  while (target !== undefined) {
    const page: Answer = await hub.send('GET', target);
    expect(page.headers['x-total-count']).toBe('6');
    titles.push(...page.json<{ title: string }[]>().map(({ title }) => title));
    target = /^<([^>]+)>; rel="next"$/.exec(String(page.headers['link'] ?? ''))?.[1]?.replace(hub.url, '');
  }
  expect(titles).toEqual(['commit 4', 'commit 3', 'commit 2', 'commit 1', 'commit 0', 'initial commit']);
  expect((await repo.api('GET', 'commits/main?p=99')).json()).toEqual([]);
  for (const query of [
    'limit=0',
    'limit=-1',
    'limit=1e9',
    'limit=abc',
    'limit=1.5',
    'limit=0x10',
    'limit=',
    'p=-1',
    'limit=1&limit=2',
  ]) {
    expect([query, (await repo.api('GET', `commits/main?${query}`)).status]).toEqual([query, 400]);
  }
});

describe('converted refs', () => {
  const REF = 'refs/convert/parquet';

  test('are created, committed to, read everywhere and deleted like branches', async () => {
    const repo = await newRepo();
    const first = await repo.head();
    expect((await createBranch(repo, REF)).status).toBe(200);
    expect(codeOf(await createBranch(repo, REF))).toBe('409 Conflict');
    const preupload = await repo.api('POST', `preupload/${enc(REF)}`, {
      body: { files: [{ path: 'default/0000.parquet', size: 4, sample: 'UEFSMQ==' }] },
    });
    expect(preupload.json()).toMatchObject({ commitOid: first, files: [{ uploadMode: 'lfs' }] });
    const bytes = Buffer.from('PAR1 of a converted file');
    await repo.uploadLfs(bytes);
    const commit = await repo.commit(
      [lfsLine('default/0000.parquet', bytes), fileLine('notes.txt', 'converted')],
      { summary: 'convert', parentCommit: first },
      enc(REF),
    );
    // The same request again is the same commit, as on a branch.
    expect(
      await repo.commit(
        [lfsLine('default/0000.parquet', bytes), fileLine('notes.txt', 'converted')],
        { summary: 'convert', parentCommit: first },
        enc(REF),
      ),
    ).toBe(commit);
    expect((await repo.api('GET', 'refs')).json()).toMatchObject({
      branches: [{ name: 'main', targetCommit: first }],
      converts: [{ name: 'parquet', ref: REF, targetCommit: commit }],
    });
    for (const name of [REF, enc(REF)]) {
      expect(await repo.head(name)).toBe(commit);
      expect(await repo.paths(name)).toContain('default/0000.parquet');
      const file = await repo.resolve(name, 'default/0000.parquet');
      expect([file.status, file.headers['x-repo-commit'], file.body]).toEqual([200, commit, bytes]);
      expect((await repo.api('GET', `xet-read-token/${name}`)).status).toBe(200);
      expect((await repo.api('GET', `xet-write-token/${name}`)).status).toBe(200);
    }
    expect(await repo.paths()).toEqual(['.gitattributes']);
    expect((await deleteBranch(repo, REF)).status).toBe(200);
    expect(codeOf(await deleteBranch(repo, REF))).toBe('404 RevisionNotFound');
    expect((await repo.api('GET', 'refs')).json()).toMatchObject({ converts: [] });
  });

  test('are written by whoever may write branches, and by nobody else', async () => {
    const owned = await newRepo();
    await createBranch(owned, REF);
    for (const person of ['stranger', 'owner-read', 'anonymous'] as const) {
      const repo = repoClient(hub, owned.name, person);
      await expectNothingStored(hub, async () => {
        expect((await createBranch(repo, 'refs/convert/duckdb')).status).not.toBe(200);
        expect((await deleteBranch(repo, REF)).status).not.toBe(200);
        expect((await repo.postCommit(ndjson([fileLine('x', 'x')]), enc(REF))).status).not.toBe(200);
      });
      expect(await repo.paths(REF)).toEqual(['.gitattributes']);
    }
  });

  test.each([
    ['refs/convert/', '400 InvalidRevision'],
    ['refs/convert/a..b', '400 InvalidRevision'],
    ['refs/convert/HEAD', '400 ReservedName'],
    ['refs/convert/refs/heads/x', '400 ReservedName'],
    ['refs/pr/1', '400 ReservedName'],
    ['refs/internal/x', '400 ReservedName'],
  ])('are never called %j', async (name, expected) => {
    const repo = await newRepo();
    await expectNothingStored(hub, async () => {
      const refused = await createBranch(repo, name);
      expect(codeOf(refused)).toBe(expected);
    });
  });

  test('do not stand beside one whose name they begin with', async () => {
    const repo = await newRepo();
    expect((await createBranch(repo, 'refs/convert/a')).status).toBe(200);
    expect(codeOf(await createBranch(repo, 'refs/convert/a/b'))).toBe('409 Conflict');
    expect(codeOf(await createBranch(repo, 'refs/convert/A'))).toBe('409 Conflict');
    expect((await createBranch(repo, 'a')).status).toBe(200);
  });

  test('nothing is committed to a pull request that is not there', async () => {
    const repo = await newRepo();
    const answer = await repo.postCommit(ndjson([fileLine('x', 'x')]), enc('refs/pr/1'));
    expect(codeOf(answer)).toBe('404 RevisionNotFound');
  });
});
