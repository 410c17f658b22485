import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultGitattributes } from '../../server/domain/gitattributes.ts';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  ndjson,
  repoClient,
  startPeopledHub,
  type CommitLine,
  type RepoClient,
} from '../support/scenario.ts';

/* What a commit does: its five operations, the order of its checks, and what it does about `.gitattributes`. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

let count = 0;
const newRepo = (isPrivate = false): Promise<RepoClient> =>
  createRepo(hub, `owner/c${(count += 1)}`, { isPrivate });

const remove = (path: string): CommitLine => ['deletedFile', { path }];
const removeFolder = (path: string): CommitLine => ['deletedFolder', { path }];
const copy = (srcPath: string, path: string, srcRevision?: string): CommitLine => [
  'copyFile',
  { srcPath, path, ...(srcRevision === undefined ? {} : { srcRevision }) },
];
const oidOf = (answer: Answer): string => answer.json<{ commitOid: string }>().commitOid;
const textOf = async (repo: RepoClient, path: string, revision = 'main'): Promise<string> =>
  (await repo.resolve(revision, path)).text;
const commitCount = async (repo: RepoClient): Promise<number> =>
  Number((await repo.api('GET', 'commits/main')).headers['x-total-count']);

describe('the operations', () => {
  test('add and replace files, inline and large', async () => {
    const repo = await newRepo();
    const large = randomBytes(50_000);
    await repo.uploadLfs(large);
    await repo.commit([fileLine('a.txt', 'one'), fileLine('d/e/f.txt', 'two'), lfsLine('model.bin', large)]);
    expect(await repo.paths()).toEqual(['.gitattributes', 'a.txt', 'd/e/f.txt', 'model.bin']);
    await repo.commit([
      fileLine('a.txt', 'three'),
      ['file', { path: 'u.txt', content: 'ü', encoding: 'utf-8' }],
    ]);
    expect([await textOf(repo, 'a.txt'), await textOf(repo, 'u.txt')]).toEqual(['three', 'ü']);
    expect((await repo.resolve('main', 'model.bin')).body.equals(large)).toBe(true);
  });

  test('delete files, and folders with all that is in them', async () => {
    const repo = await newRepo();
    await repo.commit(['a', 'd/x', 'd/y/z', 'e/x', 'f/x'].map((path) => fileLine(path, path)));
    await repo.commit([remove('a'), removeFolder('d/'), removeFolder('e'), remove('f')]);
    expect(await repo.paths()).toEqual(['.gitattributes']);
  });

  test('copy files, regular and large, from now and from before, also one that is deleted', async () => {
    const repo = await newRepo();
    const large = randomBytes(30_000);
    await repo.uploadLfs(large);
    const before = await repo.commit([fileLine('a', 'old'), lfsLine('m.bin', large)]);
    await repo.commit([fileLine('a', 'new')]);
    await repo.commit([copy('a', 'b'), copy('a', 'c', before), copy('m.bin', 'n.bin'), remove('m.bin')]);
    expect([await textOf(repo, 'b'), await textOf(repo, 'c')]).toEqual(['new', 'old']);
    expect((await repo.resolve('main', 'n.bin')).body.equals(large)).toBe(true);
    expect(await repo.paths()).toEqual(['.gitattributes', 'a', 'b', 'c', 'n.bin']);
  });

  test('copy a large file by its id alone, as clients do', async () => {
    const repo = await newRepo();
    const large = randomBytes(30_000);
    await repo.uploadLfs(large);
    await repo.commit([lfsLine('m.bin', large)]);
    const [, value] = lfsLine('copy.bin', large);
    await repo.commit([['lfsFile', { ...(value as object), size: undefined }]]);
    expect((await repo.resolve('main', 'copy.bin')).body.equals(large)).toBe(true);
  });

  test('take a pointer that is sent as text for the file it means', async () => {
    const repo = await newRepo();
    const large = randomBytes(30_000);
    await repo.uploadLfs(large);
    await repo.commit([lfsLine('m.bin', large)]);
    const pointer = (await hub.send('GET', `/${repo.name}/raw/main/m.bin`)).text;
    await repo.commit([fileLine('again.bin', pointer)]);
    expect((await repo.resolve('main', 'again.bin')).body.equals(large)).toBe(true);
    const foreign = pointer.replace(/sha256:..../, 'sha256:0000');
    const refused = await repo.postCommit(ndjson([fileLine('foreign.bin', foreign)]));
    expect([refused.status, refused.headers['x-error-code']]).toEqual([400, 'LfsNotUploaded']);
  });

  test('write author, message and parents as git and the Hub do', async () => {
    const repo = await newRepo();
    const parent = await repo.head();
    const before = Math.floor(Date.now() / 1000) * 1000;
    const made = await repo.commit([fileLine('a', '1')], {
      summary: 'Title <b>',
      description: 'Body & more.\n',
    });
    const [newest] = (await repo.api('GET', 'commits/main?expand[]=formatted')).json<
      Record<string, unknown>[]
    >();
    expect(newest).toMatchObject({
      id: made,
      title: 'Title <b>',
      message: 'Body & more.',
      authors: [{ user: 'owner' }],
      parents: [parent],
      formatted: { title: 'Title &lt;b&gt;', message: 'Body &amp; more.' },
    });
    expect(Date.parse(String(newest?.['date']))).toBeGreaterThanOrEqual(before);
  });

  test('answer where the commit can be seen, on the host that was asked', async () => {
    const repo = await newRepo();
    const answer = await repo.postCommit(ndjson([fileLine('a', '1')]));
    expect(answer.json()).toEqual({
      success: true,
      commitOid: oidOf(answer),
      commitUrl: `${hub.url}/${repo.name}/commit/${oidOf(answer)}`,
      hookOutput: '',
    });
  });

  test('go to any branch, by any of its names', async () => {
    const repo = await newRepo();
    expect((await repo.api('POST', 'branch/dev%2Fx', { body: {} })).status).toBe(200);
    const names = ['dev/x', 'dev%2Fx', 'refs/heads/dev/x', 'refs%2Fheads%2Fdev%2Fx'];
    for (const name of names)
      await repo.commit([fileLine(`by-${names.indexOf(name)}`, name)], undefined, name);
    await repo.commit([fileLine('by-head', '')], undefined, 'HEAD');
    expect(await repo.paths('dev%2Fx')).toEqual(['.gitattributes', 'by-0', 'by-1', 'by-2', 'by-3']);
    expect(await repo.paths()).toEqual(['.gitattributes', 'by-head']);
  });

  test('take many files in one commit, beyond what rows hold', async () => {
    const repo = await newRepo();
    const files = Array.from({ length: 1500 }, (_, index) =>
      fileLine(`d${index % 30}/f${index}`, `content ${index}`),
    );
    await repo.commit(files);
    const listed = await repo.paths();
    expect(listed).toHaveLength(1501);
    expect(await textOf(repo, 'd7/f1477')).toBe('content 1477');
    const big = randomBytes(4_000_000);
    await repo.commit([fileLine('big.txt', big)]);
    expect(
      (await repo.resolve('main', 'big.txt', { range: 'bytes=1000000-1000009' })).body.equals(
        big.subarray(1_000_000, 1_000_010),
      ),
    ).toBe(true);
  });

  test('read lines however they arrive', async () => {
    const repo = await newRepo();
    const crlf = ndjson([fileLine('a', '1')])
      .toString()
      .replaceAll('\n', '\r\n\r\n  \r\n');
    expect((await repo.postCommit(Buffer.from(crlf))).status).toBe(200);
    const unended = ndjson([fileLine('b', '2')]);
    expect((await repo.postCommit(unended.subarray(0, unended.length - 1))).status).toBe(200);
    expect(await repo.paths()).toEqual(['.gitattributes', 'a', 'b']);
  });
});

describe('within one commit', () => {
  test('deletions come first and the last addition of a path counts, in whatever order they are sent', async () => {
    const repo = await newRepo();
    await repo.commit([fileLine('d/old', '1'), fileLine('d/kept', '1'), fileLine('a', '1')]);
    await repo.commit([
      fileLine('a', 'first'),
      fileLine('a', 'last'),
      fileLine('d/kept', '2'),
      remove('a'),
      removeFolder('d/'),
    ]);
    expect(await repo.paths()).toEqual(['.gitattributes', 'a', 'd/kept']);
    expect([await textOf(repo, 'a'), await textOf(repo, 'd/kept')]).toEqual(['last', '2']);
  });

  test('a file may take the place of a folder that is deleted, and the other way round', async () => {
    const repo = await newRepo();
    await repo.commit([fileLine('x/y', '1'), fileLine('z', '1')]);
    await repo.commit([removeFolder('x/'), fileLine('x', 'file'), remove('z'), fileLine('z/a', 'below')]);
    expect(await repo.paths()).toEqual(['.gitattributes', 'x', 'z/a']);
  });

  test('a name may change its case', async () => {
    const repo = await newRepo();
    await repo.commit([fileLine('readme.md', '1')]);
    await repo.commit([remove('readme.md'), copy('readme.md', 'README.md')]);
    expect(await repo.paths()).toEqual(['.gitattributes', 'README.md']);
  });

  test.each([
    ['a file below a file', [fileLine('a', '1'), fileLine('a/b', '1')]],
    ['a file below one that is there', [fileLine('there/x', '1')]],
    ['a file in the place of a folder', [fileLine('folder', '1')]],
    ['another case of a name', [fileLine('THERE', '1')], 409],
    ['another case of a folder', [fileLine('Folder/y', '1')], 409],
    ['another case in the same commit', [fileLine('n', '1'), fileLine('N', '1')], 409],
    ['another form of a letter', [fileLine('é', '1'), fileLine('e\u0301', '1')], 409],
  ])('%s is refused', async (_, lines, status = 400) => {
    const repo = await newRepo();
    const head = await repo.commit([fileLine('there', '1'), fileLine('folder/x', '1')]);
    const answer = await repo.postCommit(ndjson(lines));
    expect([answer.status, answer.headers['x-error-code']]).toEqual([status, 'PathCollision']);
    expect(await repo.head()).toBe(head);
  });
});

describe('the order of checks', () => {
  test('the same request again is answered as the first', async () => {
    const repo = await newRepo();
    const body = ndjson([fileLine('a', '1'), remove('.gitattributes')]);
    const first = oidOf(await repo.postCommit(body));
    expect(oidOf(await repo.postCommit(body))).toBe(first);
    // What it says about itself is no part of the request, and the order of its lines is none either.
    const reworded = ndjson([remove('.gitattributes'), fileLine('a', '1')], {
      summary: 'other',
      description: 'words',
    });
    expect(oidOf(await repo.postCommit(reworded))).toBe(first);
    expect(await commitCount(repo)).toBe(2);
  });

  test('the same request on the same parent is answered as the first, even after others came', async () => {
    const repo = await newRepo();
    const parentCommit = await repo.head();
    const body = ndjson([fileLine('a', '1')], { summary: 's', parentCommit });
    const first = oidOf(await repo.postCommit(body));
    await repo.commit([fileLine('b', '1')]);
    expect(oidOf(await repo.postCommit(body))).toBe(first);
    expect(await commitCount(repo)).toBe(3);
  });

  test('the same request of somebody else, on another branch or with other bytes is another', async () => {
    const repo = await createRepo(hub, 'lab/shared', { person: 'lab-admin' });
    expect((await repo.api('POST', 'branch/dev', { body: {} })).status).toBe(200);
    const parentCommit = await repo.head();
    const header = { summary: 's', parentCommit };
    const body = ndjson([fileLine('a', '1')], header);
    const first = oidOf(await repo.postCommit(body));
    const member = repoClient(hub, repo.name, 'member');
    expect((await member.postCommit(body)).status).toBe(412);
    expect((await repo.postCommit(ndjson([fileLine('a', '2')], header))).status).toBe(412);
    expect((await repo.postCommit(ndjson([fileLine('a', '1'), fileLine('b', '1')], header))).status).toBe(
      412,
    );
    const onDev = await repo.postCommit(body, 'dev');
    expect(onDev.status).toBe(200);
    expect(oidOf(await repo.postCommit(body))).toBe(first);
  });

  test('a parent may be named by the beginning of its id', async () => {
    const repo = await newRepo();
    const first = await repo.head();
    const body = (parentCommit: string) => ndjson([fileLine('a', '1')], { summary: 's', parentCommit });
    const made = oidOf(await repo.postCommit(body(first.slice(0, 7))));
    // The same request, however the parent is written.
    expect(oidOf(await repo.postCommit(body(first)))).toBe(made);
    const late = ndjson([fileLine('b', '1')], { summary: 's', parentCommit: first.slice(0, 10) });
    expect((await repo.postCommit(late)).status).toBe(412);
    const none = first.startsWith('0000000') ? '1111111' : '0000000';
    expect((await repo.postCommit(body(none))).headers['x-error-code']).toBe('InvalidBody');
    expect(await repo.head()).toBe(made);
  });

  test('a parent that is not the head is 412, in the words clients look for', async () => {
    const repo = await newRepo();
    const parentCommit = await repo.head();
    await repo.commit([fileLine('a', '1')]);
    for (const stale of [parentCommit, '0'.repeat(40)]) {
      const answer = await repo.postCommit(
        ndjson([fileLine('b', '1')], { summary: 's', parentCommit: stale }),
      );
      expect([answer.status, answer.headers['x-error-code']]).toEqual([412, 'RefMoved']);
      expect(answer.json()['error']).toBe(
        'The branch was updated since you opened this page. Please refresh and try again.',
      );
      expect(answer.text).toContain('"A commit has happened since. Please refresh and try again."');
    }
    // It counts before what the commit would do: one that would fail anyway, or change nothing.
    const failing = await repo.postCommit(ndjson([remove('absent')], { summary: 's', parentCommit }));
    expect(failing.status).toBe(412);
    const idle = await repo.postCommit(ndjson([fileLine('a', '1')], { summary: 's', parentCommit }));
    expect(idle.status).toBe(412);
    expect(await commitCount(repo)).toBe(2);
  });

  test('a commit that changes nothing is answered with the head', async () => {
    const repo = await newRepo();
    const head = await repo.commit([fileLine('a', '1'), fileLine('d/x', '1')]);
    for (const lines of [
      [],
      [fileLine('a', '1')],
      [remove('a'), fileLine('a', '1')],
      [removeFolder('d/'), fileLine('d/x', '1')],
      [copy('a', 'a')],
    ]) {
      const answer = await repo.postCommit(ndjson(lines, { summary: 's', parentCommit: head }));
      expect([answer.status, oidOf(answer)]).toEqual([200, head]);
    }
    expect(await commitCount(repo)).toBe(2);
  });

  test('what was taken back can be made again', async () => {
    const repo = await newRepo();
    const body = ndjson([fileLine('a', '1')]);
    const first = oidOf(await repo.postCommit(body));
    await repo.commit([remove('a')]);
    const again = oidOf(await repo.postCommit(body));
    expect(again).not.toBe(first);
    expect(await repo.paths()).toContain('a');
    expect(await commitCount(repo)).toBe(4);
  });

  test('of many at once on one branch, each is made, one after the other', async () => {
    const repo = await newRepo();
    const commits = await Promise.all(
      Array.from({ length: 40 }, (_, index) => repo.commit([fileLine(`f${index}`, `${index}`)])),
    );
    expect(new Set(commits).size).toBe(40);
    expect(await repo.paths()).toHaveLength(41);
    const history = (await repo.api('GET', 'commits/main?limit=100')).json<
      { id: string; parents: string[] }[]
    >();
    expect(history).toHaveLength(41);
    for (const [index, { parents }] of history.entries())
      expect(parents).toEqual(history[index + 1] ? [history[index + 1]?.id] : []);
  });

  test('of many at once on one parent, one is made', async () => {
    const repo = await newRepo();
    const header = { summary: 's', parentCommit: await repo.head() };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => repo.postCommit(ndjson([fileLine(`f${index}`, '')], header))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 412),
    ]);
  });

  test('of the same request many times at once, one is made and all hear of it', async () => {
    const repo = await newRepo();
    const body = ndjson([fileLine('a', '1')]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => repo.postCommit(body)));
    expect(new Set(answers.map(oidOf)).size).toBe(1);
    expect(await commitCount(repo)).toBe(2);
  });
});

describe('.gitattributes', () => {
  const LFS = 'filter=lfs diff=lfs merge=lfs -text';
  const DEFAULT = defaultGitattributes('model');

  test('gets a line for each large file that no pattern covers', async () => {
    const repo = await newRepo();
    const large = randomBytes(1000);
    await repo.uploadLfs(large);
    await repo.commit([
      lfsLine('covered.bin', large),
      lfsLine('weights.dat', large),
      lfsLine('a b/[x]*.dat', large),
      lfsLine('#odd/!x.dat', large),
    ]);
    const text = await textOf(repo, '.gitattributes');
    expect(text).toBe(
      `${DEFAULT}/weights.dat ${LFS}\n"a b/\\\\[x\\\\]\\\\*.dat" ${LFS}\n/#odd/!x.dat ${LFS}\n`,
    );
    await repo.commit([lfsLine('weights.dat', randomised(large))].slice(1));
    expect(await textOf(repo, '.gitattributes')).toBe(text);
  });

  test('is kept as the same commit sends it, with such lines behind', async () => {
    const repo = await newRepo();
    const large = randomBytes(1000);
    await repo.uploadLfs(large);
    await repo.commit([
      fileLine('.gitattributes', `*.dat ${LFS}`),
      lfsLine('x.dat', large),
      lfsLine('x.bin', large),
    ]);
    expect(await textOf(repo, '.gitattributes')).toBe(`*.dat ${LFS}\n/x.bin ${LFS}\n`);
  });

  test('gets a line for a large file that is copied, and none for a regular one', async () => {
    const repo = await newRepo();
    const large = randomBytes(500);
    await repo.uploadLfs(large);
    await repo.commit([lfsLine('m.bin', large), fileLine('a.txt', 'a')]);
    await repo.commit([copy('m.bin', 'copy.odd'), copy('m.bin', 'copy.bin'), copy('a.txt', 'b.odd')]);
    const { text } = await repo.resolve('main', '.gitattributes');
    expect(text.slice(defaultGitattributes('model').length)).toBe(
      '/copy.odd filter=lfs diff=lfs merge=lfs -text\n',
    );
  });

  test('that the same commit copies is kept too', async () => {
    const repo = await newRepo();
    const large = randomBytes(1000);
    await repo.uploadLfs(large);
    await repo.commit([fileLine('template', `*.dat ${LFS}\n`)]);
    await repo.commit([copy('template', '.gitattributes'), lfsLine('x.dat', large), lfsLine('y.xyz', large)]);
    expect(await textOf(repo, '.gitattributes')).toBe(`*.dat ${LFS}\n/y.xyz ${LFS}\n`);
  });

  test('that the same commit deletes comes back only with the lines that are needed', async () => {
    const repo = await newRepo();
    const large = randomBytes(1000);
    await repo.uploadLfs(large);
    await repo.commit([remove('.gitattributes'), lfsLine('x.bin', large)]);
    expect(await textOf(repo, '.gitattributes')).toBe(`/x.bin ${LFS}\n`);
  });

  test('that is too long to be read is left alone', async () => {
    const repo = await newRepo();
    const large = randomBytes(1000);
    await repo.uploadLfs(large);
    const long = `${'# a comment of some length\n'.repeat(200_000)}`;
    const refused = await repo.postCommit(ndjson([fileLine('.gitattributes', long)]));
    expect([refused.status, refused.headers['x-error-code']]).toEqual([400, 'InvalidContent']);
    await repo.commit([fileLine('long', long)]);
    await repo.commit([copy('long', '.gitattributes')]);
    await repo.commit([lfsLine('x.dat', large)]);
    expect(await textOf(repo, '.gitattributes')).toBe(long);
    expect((await repo.resolve('main', 'x.dat')).body.equals(large)).toBe(true);
  });

  function randomised(bytes: Buffer): Buffer {
    return Buffer.concat([bytes, bytes]);
  }
});

describe('the last commit of each path', () => {
  test('is the one that changed it, or what is below it', async () => {
    const repo = await newRepo();
    const first = await repo.commit([fileLine('a', '1'), fileLine('d/x', '1'), fileLine('d/y', '1')], {
      summary: 'first',
    });
    const second = await repo.commit([fileLine('d/x', '2')], { summary: 'second' });
    await repo.commit([fileLine('b', '1')], { summary: 'third' });
    const entries = (await repo.api('GET', 'tree/main?recursive=true&expand=true')).json<
      { path: string; lastCommit: { id: string; title: string } }[]
    >();
    const last = Object.fromEntries(entries.map(({ path, lastCommit }) => [path, lastCommit.title]));
    expect(last).toEqual({
      '.gitattributes': 'initial commit',
      a: 'first',
      b: 'third',
      d: 'second',
      'd/x': 'second',
      'd/y': 'first',
    });
    expect(entries.find(({ path }) => path === 'd')?.lastCommit.id).toBe(second);
    const earlier = (await repo.api('GET', `tree/${first}?expand=true`)).json<
      { path: string; lastCommit: { title: string } }[]
    >();
    expect(earlier.find(({ path }) => path === 'd')?.lastCommit.title).toBe('first');
  });
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
