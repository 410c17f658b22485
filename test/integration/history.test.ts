import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  repoClient,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

let count = 0;
const newRepo = (): Promise<RepoClient> => createRepo(hub, `owner/h${(count += 1)}`);
const enc = encodeURIComponent;
const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;

const branch = async (repo: RepoClient, name: string, startingPoint = 'main'): Promise<void> => {
  const answer = await repo.api('POST', `branch/${enc(name)}`, { body: { startingPoint } });
  expect(answer.status, answer.text).toBe(200);
};
const merge = (repo: RepoClient, source: string, into: string, body?: object): Promise<Answer> =>
  repo.api('POST', `merge/${enc(source)}/into/${enc(into)}`, body ? { body } : {});
const revert = (repo: RepoClient, name: string, body: object): Promise<Answer> =>
  repo.api('POST', `branch/${enc(name)}/revert`, { body });
const reset = (repo: RepoClient, name: string, body: object): Promise<Answer> =>
  repo.api('POST', `branch/${enc(name)}/reset`, { body });
const text = async (repo: RepoClient, path: string, revision = 'main'): Promise<string> =>
  (await repo.resolve(enc(revision), path)).text;

interface Listed {
  readonly id: string;
  readonly title: string;
  readonly message: string;
  readonly parents: readonly string[];
}
const log = async (repo: RepoClient, revision = 'main'): Promise<readonly Listed[]> =>
  (await repo.api('GET', `commits/${enc(revision)}`)).json<Listed[]>();
const conflictsOf = (answer: Answer): Readonly<Record<string, string>> =>
  Object.fromEntries(
    answer
      .json<{ conflicts: { path: string; kind: string }[] }>()
      .conflicts.map(({ path, kind }) => [path, kind]),
  );
const NUMBERS = Array.from({ length: 20 }, (_, line) => `line ${line}\n`);
const numbered = (change: Readonly<Record<number, string>> = {}): string =>
  NUMBERS.map((line, index) => change[index] ?? line).join('');

describe('a merge', () => {
  test('moves the branch to the source where nothing is lost by it', async () => {
    const repo = await newRepo();
    await branch(repo, 'dev');
    const tip = await repo.commit([fileLine('a', '1')], undefined, 'dev');
    const answer = await merge(repo, 'dev', 'main');
    expect(answer.json()).toMatchObject({
      success: true,
      result: { reference: tip, summary: { added: 1, removed: 0, changed: 0, conflict: 0 } },
    });
    expect(await repo.head()).toBe(tip);
    // Once more, and the other way round, nothing is left to do.
    for (const [source, into] of [
      ['dev', 'main'],
      ['main', 'dev'],
    ] as const) {
      expect((await merge(repo, source, into)).json()).toMatchObject({ result: { reference: tip } });
    }
  });

  test('makes a commit with both parents where it must, or where that is asked for', async () => {
    const repo = await newRepo();
    await branch(repo, 'dev');
    const ours = await repo.commit([fileLine('a', '1')]);
    const theirs = await repo.commit([fileLine('b', '2')], undefined, 'dev');
    const made = (await merge(repo, 'dev', 'main')).json<{ result: { reference: string } }>().result
      .reference;
    expect((await log(repo))[0]).toMatchObject({
      id: made,
      title: 'Merge dev into main',
      parents: [ours, theirs],
    });
    expect(await repo.paths()).toEqual(['.gitattributes', 'a', 'b']);

    await merge(repo, 'main', 'dev', {
      fast_forward: false,
      message: 'Words\n\nand more',
      metadata: { Ticket: '7' },
    });
    const [head] = await log(repo, 'dev');
    expect(head).toMatchObject({ title: 'Words', parents: [theirs, made] });
    expect(head?.message).toContain('Ticket: 7');
  });

  test('joins changes of one text, and keeps modes, CRLF and bytes as they are', async () => {
    const repo = await newRepo();
    const crlf = numbered().replaceAll('\n', '\r\n');
    await repo.commit([
      fileLine('f.txt', numbered()),
      fileLine('crlf', crlf),
      fileLine('é.txt', Buffer.from([0xff, 10, 10, 10, 10, 0xfe])),
    ]);
    await branch(repo, 'dev');
    await repo.commit([
      fileLine('f.txt', numbered({ 1: 'ours\n' })),
      fileLine('crlf', crlf.replace('line 1\r', 'ours\r')),
    ]);
    await repo.commit(
      [
        fileLine('f.txt', numbered({ 18: 'theirs\n' })),
        fileLine('crlf', crlf.replace('line 18\r', 'theirs\r')),
        fileLine('é.txt', Buffer.from([0xff, 10, 10, 10, 10, 0xfd])),
      ],
      undefined,
      'dev',
    );
    expect((await merge(repo, 'dev', 'main')).status).toBe(200);
    expect(await text(repo, 'f.txt')).toBe(numbered({ 1: 'ours\n', 18: 'theirs\n' }));
    expect(await text(repo, 'crlf')).toBe(
      crlf.replace('line 1\r', 'ours\r').replace('line 18\r', 'theirs\r'),
    );
    expect((await repo.resolve('main', enc('é.txt'))).body).toEqual(
      Buffer.from([0xff, 10, 10, 10, 10, 0xfd]),
    );
  });

  test('lists every conflict and changes nothing', async () => {
    const repo = await newRepo();
    const large = randomBytes(5000);
    const [ours, theirs] = [randomBytes(5000), randomBytes(5000)];
    for (const bytes of [large, ours, theirs]) await repo.uploadLfs(bytes);
    await repo.commit([
      fileLine('text', numbered()),
      fileLine('bin', Buffer.from('a\0b\nc\n')),
      fileLine('gone-here', 'x'),
      fileLine('gone-there', 'x'),
      fileLine('thing', 'x'),
      lfsLine('big.bin', large),
    ]);
    await branch(repo, 'dev');
    await repo.commit([
      fileLine('text', numbered({ 5: 'ours\n' })),
      fileLine('bin', Buffer.from('A\0b\nc\n')),
      ['deletedFile', { path: 'gone-here' }],
      fileLine('gone-there', 'y'),
      fileLine('new', 'ours'),
      fileLine('thing', 'z'),
      fileLine('Twin', ''),
      lfsLine('big.bin', ours),
    ]);
    await repo.commit(
      [
        fileLine('text', numbered({ 5: 'theirs\n' })),
        fileLine('bin', Buffer.from('a\0b\nC\n')),
        fileLine('gone-here', 'y'),
        ['deletedFile', { path: 'gone-there' }],
        fileLine('new', 'theirs'),
        ['deletedFile', { path: 'thing' }],
        fileLine('thing/inside', 'x'),
        fileLine('twin', ''),
        lfsLine('big.bin', theirs),
      ],
      undefined,
      'dev',
    );
    const head = await repo.head();
    await expectNothingStored(hub, async () => {
      const answer = await merge(repo, 'dev', 'main');
      expect(codeOf(answer)).toBe('409 Conflict');
      expect(conflictsOf(answer)).toEqual({
        text: 'content',
        bin: 'binary',
        'big.bin': 'large-file',
        'gone-here': 'deleted-by-ours',
        'gone-there': 'deleted-by-theirs',
        new: 'both-added',
        thing: 'file-and-folder',
        twin: 'name-twin',
      });
      // No strategy helps against names that are one file on Windows.
      expect(conflictsOf(await merge(repo, 'dev', 'main', { strategy: 'source-wins' }))).toEqual({
        twin: 'name-twin',
      });
    });
    expect(await repo.head()).toBe(head);
    await repo.commit([['deletedFile', { path: 'twin' }]], undefined, 'dev');

    const state = async (name: string) => ({
      text: (await text(repo, 'text', name)).split('\n')[5],
      bin: (await repo.resolve(name, 'bin')).text,
      new: await text(repo, 'new', name),
      big: sha256Of((await repo.resolve(name, 'big.bin')).body),
      paths: (await repo.paths(name)).filter((path) => /gone|thing/.test(path)),
    });
    await branch(repo, 'mine');
    expect((await merge(repo, 'dev', 'mine', { strategy: 'dest-wins' })).status).toBe(200);
    expect(await state('mine')).toEqual({
      text: 'ours',
      bin: 'A\0b\nc\n',
      new: 'ours',
      big: sha256Of(ours),
      paths: ['gone-there', 'thing'],
    });
    await branch(repo, 'yours');
    expect((await merge(repo, 'dev', 'yours', { strategy: 'source-wins' })).status).toBe(200);
    expect(await state('yours')).toEqual({
      text: 'theirs',
      bin: 'a\0b\nC\n',
      new: 'theirs',
      big: sha256Of(theirs),
      paths: ['gone-here', 'thing/inside'],
    });
  });

  test('can be squashed into one commit, which the same request again does not repeat', async () => {
    const repo = await newRepo();
    await branch(repo, 'dev');
    for (const name of ['a', 'b', 'c']) await repo.commit([fileLine(name, name)], undefined, 'dev');
    const head = await repo.head();
    const once = (await merge(repo, 'dev', 'main', { squash_merge: true })).json<{
      result: { reference: string };
    }>();
    expect((await log(repo)).map(({ title, parents }) => [title, ...parents])).toEqual([
      ['Squash dev into main', head],
      ['initial commit'],
    ]);
    for (const body of [{ squash_merge: true }, { squash_merge: true, message: 'other' }]) {
      expect((await merge(repo, 'dev', 'main', body)).json()).toMatchObject({
        result: { reference: once.result.reference },
      });
    }
    expect(
      (await merge(repo, 'dev', 'main', { squash_merge: true, allow_empty: true, message: 'x' })).json(),
    ).not.toMatchObject({
      result: { reference: once.result.reference },
    });
  });

  test('finds names with slashes, plain and encoded, and says what is wrong with others', async () => {
    const repo = await newRepo();
    await branch(repo, 'feat/into/x');
    await branch(repo, 'rel/1');
    await repo.commit([fileLine('a', '1')], undefined, 'feat%2Finto%2Fx');
    expect((await repo.api('POST', 'merge/feat/into/x/into/rel/1')).status).toBe(200);
    expect((await repo.api('POST', 'merge/feat%2Finto%2Fx/into/main', { body: {} })).status).toBe(200);
    expect(await repo.head()).toBe(await repo.head('rel%2F1'));
    for (const [target, code] of [
      ['merge/absent/into/main', '404 RevisionNotFound'],
      ['merge/main/into/absent', '404 RevisionNotFound'],
      ['merge/main/into', '400 InvalidRevision'],
      ['merge/main', '400 InvalidRevision'],
      [`merge/main/into/${await repo.head()}`, '400 InvalidRevision'],
    ] as const) {
      expect([target, codeOf(await repo.api('POST', target))]).toEqual([target, code]);
    }
    for (const body of [
      { strategy: 'x' },
      { strategy: 1 },
      { message: 1 },
      { metadata: [] },
      { metadata: { a: 1 } },
      { message: 'a\0' },
    ]) {
      await repo.commit([fileLine('more', JSON.stringify(body))]);
      expect([body, codeOf(await merge(repo, 'main', 'rel/1', { ...body, fast_forward: false }))]).toEqual([
        body,
        '400 InvalidBody',
      ]);
    }
  });

  test('of histories without a common commit is refused unless it is forced', async () => {
    const repo = await newRepo();
    const empty = await repo.api('POST', 'branch/empty', { body: { emptyBranch: true } });
    expect(empty.status).toBe(200);
    await repo.commit([fileLine('lone', '1')], undefined, 'empty');
    expect(codeOf(await merge(repo, 'empty', 'main'))).toBe('409 Conflict');
    expect((await merge(repo, 'empty', 'main', { force: true })).status).toBe(200);
    expect(await repo.paths()).toEqual(['.gitattributes', 'lone']);
  });

  test('and commits to its branch at the same time lose nothing', async () => {
    const repo = await newRepo();
    const names = Array.from({ length: 8 }, (_, index) => `side-${index}`);
    for (const name of names) {
      await branch(repo, name);
      await repo.commit([fileLine(name, name)], undefined, name);
    }
    const answers = await Promise.all([
      ...names.map((name) => merge(repo, name, 'main')),
      ...names.map((name) => repo.postCommit(ndjsonOf(`direct-${name}`))),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(await repo.paths())).toEqual(
      new Set(['.gitattributes', ...names, ...names.map((name) => `direct-${name}`)]),
    );
  });
});

const ndjsonOf = (path: string): Buffer =>
  Buffer.from(
    `${JSON.stringify({ key: 'header', value: { summary: path } })}\n${JSON.stringify({ key: 'file', value: { path, content: '', encoding: 'base64' } })}\n`,
  );

describe('a revert', () => {
  test('undoes one commit, whatever came after, and is made once', async () => {
    const repo = await newRepo();
    await repo.commit([fileLine('f', numbered())]);
    const undone = await repo.commit([fileLine('f', numbered({ 3: 'changed\n' })), fileLine('extra', '')], {
      summary: 'bad',
    });
    const head = await repo.commit([fileLine('f', numbered({ 3: 'changed\n', 15: 'kept\n' }))]);
    const answer = await revert(repo, 'main', { ref: undone });
    const { new_commit_id: made } = answer.json<{ new_commit_id: string }>();
    expect((await log(repo))[0]).toMatchObject({ id: made, title: 'Revert "bad"', parents: [head] });
    expect((await log(repo))[0]?.message).toBe(`This reverts commit ${undone}.`);
    expect(await text(repo, 'f')).toBe(numbered({ 15: 'kept\n' }));
    expect(await repo.paths()).not.toContain('extra');
    // The same request again, and one that would change nothing, get the head.
    expect((await revert(repo, 'main', { ref: undone })).json()).toMatchObject({ new_commit_id: made });
    expect((await revert(repo, 'main', { ref: undone, message: 'again' })).json()).toMatchObject({
      new_commit_id: made,
    });
    const empty = await revert(repo, 'main', { ref: undone, message: 'again', allow_empty: true });
    expect((await log(repo))[0]).toMatchObject({
      id: empty.json()['new_commit_id'],
      title: 'again',
      parents: [made],
    });
  });

  test('of a merge goes back to the parent that is named', async () => {
    const repo = await newRepo();
    await branch(repo, 'dev');
    await repo.commit([fileLine('a', '1')]);
    await repo.commit([fileLine('b', '2')], undefined, 'dev');
    const merged = (await merge(repo, 'dev', 'main')).json<{ result: { reference: string } }>().result
      .reference;
    await branch(repo, 'two');
    expect((await revert(repo, 'main', { ref: merged, parent_number: 1 })).status).toBe(200);
    expect(await repo.paths()).toEqual(['.gitattributes', 'a']);
    expect((await revert(repo, 'two', { ref: merged.slice(0, 10), parent_number: 2 })).status).toBe(200);
    expect(await repo.paths('two')).toEqual(['.gitattributes', 'b']);
    expect(codeOf(await revert(repo, 'two', { ref: merged, parent_number: 3 }))).toBe('400 InvalidParameter');
  });

  test('refuses conflicts and what is not there', async () => {
    const repo = await newRepo();
    const undone = await repo.commit([fileLine('f', 'one\n')]);
    await repo.commit([fileLine('f', 'two\n')]);
    await expectNothingStored(hub, async () => {
      const answer = await revert(repo, 'main', { ref: undone });
      expect([codeOf(answer), conflictsOf(answer)]).toEqual(['409 Conflict', { f: 'deleted-by-theirs' }]);
      for (const [name, body, code] of [
        ['main', { ref: 'absent' }, '404 RevisionNotFound'],
        ['absent', { ref: undone }, '404 RevisionNotFound'],
        ['main', {}, '400 InvalidBody'],
        ['main', { ref: 1 }, '400 InvalidBody'],
        ['main', { ref: undone, parent_number: 0 }, '400 InvalidBody'],
        ['main', { ref: undone, parent_number: 2 }, '400 InvalidParameter'],
        ['main', { ref: undone, message: 'a\0b', allow_empty: true }, '409 Conflict'],
        [undone, { ref: undone }, '400 InvalidRevision'],
      ] as const) {
        expect([body, codeOf(await revert(repo, name, body))]).toEqual([body, code]);
      }
    });
  });

  test('brings a large file back', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(70_000);
    await repo.uploadLfs(bytes);
    await repo.commit([lfsLine('w.bin', bytes)]);
    const deleted = await repo.commit([['deletedFile', { path: 'w.bin' }]]);
    expect((await repo.resolve('main', 'w.bin')).status).toBe(404);
    expect((await revert(repo, 'main', { ref: deleted })).status).toBe(200);
    expect((await repo.resolve('main', 'w.bin')).body.equals(bytes)).toBe(true);
  });
});

describe('a reset', () => {
  test('moves a branch anywhere, over folders of any size; the default branch only by force', async () => {
    const repo = await newRepo();
    const files = Array.from({ length: 350 }, (_, index) => fileLine(`many/f${index}`, `${index}`));
    const full = await repo.commit(files);
    const bare = await repo.commit([['deletedFolder', { path: 'many/' }]]);
    await branch(repo, 'feat/x');
    const answer = await repo.api('POST', 'branch/feat/x/reset', { body: { ref: full } });
    expect(answer.json()).toMatchObject({ success: true, commit_id: full, recoverable: true });
    expect((await repo.paths('feat%2Fx')).length).toBe(351);
    expect(await repo.head()).toBe(bare);
    expect(codeOf(await reset(repo, 'main', { ref: full }))).toBe('400 InvalidRequest');
    expect((await reset(repo, 'main', { ref: full, force: true, message: 'back' })).status).toBe(200);
    expect(await repo.head()).toBe(full);
    expect((await repo.paths()).length).toBe(351);
    // A commit that no branch leads to any more can be come back to.
    expect((await reset(repo, 'main', { ref: bare, force: true })).status).toBe(200);
    expect(await repo.paths()).toEqual(['.gitattributes']);
    expect(codeOf(await reset(repo, 'main', { ref: 'f'.repeat(40), force: true }))).toBe(
      '404 RevisionNotFound',
    );
    expect(codeOf(await reset(repo, 'absent', { ref: full }))).toBe('404 RevisionNotFound');
  });

  test('is refused when a large file of the commit is lost, and says which', async () => {
    const repo = await newRepo();
    const [one, two] = [randomBytes(3000), randomBytes(4000)];
    for (const bytes of [one, two]) await repo.uploadLfs(bytes);
    const full = await repo.commit([lfsLine('one.bin', one), lfsLine('dir/two.bin', two)]);
    const bare = await repo.commit([
      ['deletedFile', { path: 'one.bin' }],
      ['deletedFolder', { path: 'dir/' }],
    ]);
    await branch(repo, 'dev');
    const sha = sha256Of(two);
    const stored = await readdir(join(hub.dataDir, 'storage'), { recursive: true });
    await rm(join(hub.dataDir, 'storage', stored.find((path) => path.endsWith(sha)) ?? 'absent'));
    const answer = await reset(repo, 'dev', { ref: full });
    expect(codeOf(answer)).toBe('400 LfsNotUploaded');
    expect(answer.json()).toMatchObject({
      recoverable: false,
      missing_files: [{ path: 'dir/two.bin', oid: sha, size: 4000 }],
      affected_commits: [full],
    });
    expect(codeOf(await reset(repo, 'main', { ref: full, force: true }))).toBe('400 LfsNotUploaded');
    expect(codeOf(await revert(repo, 'dev', { ref: bare }))).toBe('400 LfsNotUploaded');
    expect(await repo.head('dev')).toBe(bare);
  });

  test('takes its commits out of the branch, so that the same ones can be made again', async () => {
    const repo = await newRepo();
    const start = await repo.head();
    const header = { summary: 'again', parentCommit: start };
    const once = await repo.commit([fileLine('a', '1')], header);
    const next = await repo.commit([fileLine('b', '1')]);
    expect(await repo.commit([fileLine('a', '1')], header)).toBe(once);
    expect(await repo.head()).toBe(next);
    await reset(repo, 'main', { ref: start, force: true });
    const made = await repo.commit([fileLine('a', '1')], header);
    expect(await repo.head()).toBe(made);
    expect(await repo.paths()).toEqual(['.gitattributes', 'a']);
  });

  test('and commits at the same time follow one another', async () => {
    const repo = await newRepo();
    const start = await repo.head();
    await branch(repo, 'dev');
    const commits = Array.from({ length: 10 }, (_, index) => repo.postCommit(ndjsonOf(`f${index}`), 'dev'));
    const resets = Array.from({ length: 5 }, () => reset(repo, 'dev', { ref: start }));
    const answers = await Promise.all([...commits, ...resets]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const listed = await log(repo, 'dev');
    expect((await repo.paths('dev')).length).toBe(listed.length);
  });
});

describe('a squash', () => {
  test('leaves one commit with the same files', async () => {
    const repo = await newRepo();
    await repo.commit([fileLine('a', '1')]);
    await branch(repo, 'dev');
    const tree = await repo.paths();
    expect((await repo.api('POST', 'super-squash/main', { body: { message: 'all of it' } })).status).toBe(
      200,
    );
    expect((await log(repo)).map(({ title, parents }) => [title, parents])).toEqual([['all of it', []]]);
    expect(await repo.paths()).toEqual(tree);
    expect((await log(repo, 'dev')).length).toBe(2);
    const head = await repo.head();
    await repo.api('POST', 'super-squash/main', { body: { message: 'all of it' } });
    expect(await repo.head()).toBe(head);
    await repo.commit([fileLine('b', '1')]);
    expect((await repo.api('POST', 'super-squash/refs%2Fheads%2Fmain')).status).toBe(200);
    expect((await log(repo)).length).toBe(1);
  });

  test('is for branches', async () => {
    const repo = await newRepo();
    await repo.api('POST', 'tag/main', { body: { tag: 'v1' } });
    for (const [name, code] of [
      ['absent', '404 RevisionNotFound'],
      ['v1', '400 InvalidRevision'],
      [await repo.head(), '400 InvalidRevision'],
    ]) {
      expect([name, codeOf(await repo.api('POST', `super-squash/${name}`, { body: {} }))]).toEqual([
        name,
        code,
      ]);
    }
  });

  test('of a repository replaces every history at once', async () => {
    const repo = await newRepo();
    await repo.commit([fileLine('a', '1')]);
    await branch(repo, 'same');
    await repo.api('POST', 'tag/main', { body: { tag: 'plain' } });
    await repo.api('POST', 'tag/main', { body: { tag: 'annotated', message: 'words' } });
    await branch(repo, 'dev');
    await repo.commit([fileLine('b', '2')], undefined, 'dev');
    const squash = (
      person: 'owner' | 'stranger' | 'site-admin',
      body: object = { repo: repo.name, type: 'model' },
    ) => hub.send('POST', '/api/repos/squash', { token: tokenOf(person), body });
    expect(codeOf(await squash('stranger'))).toBe('403 Forbidden');
    expect(codeOf(await squash('site-admin'))).toBe('403 Forbidden');
    expect(codeOf(await squash('owner', { repo: 'owner/absent' }))).toBe('404 RepoNotFound');
    expect(codeOf(await squash('owner', { repo: 'absent' }))).toBe('400 InvalidName');
    const answer = await squash('owner');
    expect(answer.status, answer.text).toBe(200);
    for (const name of ['main', 'same', 'dev', 'plain', 'annotated']) {
      const listed = await log(repo, name);
      expect([name, listed.length, listed[0]?.parents]).toEqual([name, 1, []]);
    }
    expect(
      new Set(await Promise.all(['main', 'same', 'plain', 'annotated'].map((name) => repo.head(name)))).size,
    ).toBe(1);
    expect(await repo.paths('dev')).toEqual(['.gitattributes', 'a', 'b']);
    const head = await repo.head();
    expect((await squash('owner')).status).toBe(200);
    expect(await repo.head()).toBe(head);
  });
});

describe('branches and tags named in the body', () => {
  test('begin where they are told', async () => {
    const repo = await newRepo();
    const first = await repo.head();
    await repo.commit([fileLine('a', '1')]);
    expect(
      (await repo.api('POST', 'branch', { body: { branch: 'feat/x', revision: first.slice(0, 8) } })).status,
    ).toBe(200);
    expect(
      (await repo.api('POST', 'tag', { body: { tag: 'v1', revision: 'feat/x', message: 'm' } })).status,
    ).toBe(200);
    expect((await repo.api('POST', 'tag', { body: { tag: 'v2' } })).status).toBe(200);
    expect([await repo.head('feat%2Fx'), await repo.head('v1')]).toEqual([first, first]);
    expect(await repo.head('v2')).toBe(await repo.head());
    for (const [path, body, code] of [
      ['branch', { branch: 'feat/x' }, '409 Conflict'],
      ['tag', { tag: 'v1' }, '409 Conflict'],
      ['branch', { branch: 'y', revision: 'absent' }, '404 RevisionNotFound'],
      ['tag', { tag: 'y', revision: 'absent' }, '404 RevisionNotFound'],
      ['branch', {}, '400 InvalidBody'],
      ['branch', { branch: 'a..b' }, '400 InvalidRevision'],
      ['tag', { tag: 'HEAD' }, '400 ReservedName'],
    ] as const) {
      expect([path, body, codeOf(await repo.api('POST', path, { body }))]).toEqual([path, body, code]);
    }
  });

  test('can begin empty', async () => {
    const repo = await newRepo();
    expect((await repo.api('POST', 'branch/new', { body: { emptyBranch: true } })).status).toBe(200);
    expect([await repo.paths('new'), (await log(repo, 'new')).length]).toEqual([[], 1]);
    await repo.commit([fileLine('only', '1')], undefined, 'new');
    expect(await repo.paths('new')).toEqual(['only']);
    expect((await repo.api('POST', 'branch/new', { body: { emptyBranch: true } })).status).toBe(409);
    expect(
      (await repo.api('POST', 'branch/new', { body: { emptyBranch: true, overwrite: true } })).status,
    ).toBe(200);
    expect(await repo.paths('new')).toEqual([]);
  });
});

test('whoever may only read changes no history', async () => {
  const repo = await newRepo();
  const reader = repoClient(hub, repo.name, 'stranger');
  for (const path of [
    'merge/main/into/main',
    'branch/main/revert',
    'branch/main/reset',
    'super-squash/main',
    'branch',
    'tag',
  ]) {
    expect([path, codeOf(await reader.api('POST', path, { body: {} }))]).toEqual([path, '403 Forbidden']);
  }
});

test('nothing went wrong on the way', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
