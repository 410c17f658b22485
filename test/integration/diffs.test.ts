import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommitDiffReply, CompareReply } from '../../server/contract/diffs.ts';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  repoClient,
  sha256Of,
  startPeopledHub,
  type RepoClient,
} from '../support/scenario.ts';

/* What a commit changed and how two revisions differ, over HTTP. */

let hub: TestHub;
let repo: RepoClient;
let first: string;
let base: string;
let changed: string;
let sided: string;
const large = [Buffer.alloc(200_000, 1), Buffer.alloc(250_000, 2)] as const;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/diffs');
  first = await repo.head();
  for (const bytes of large) await repo.uploadLfs(bytes);
  const words = Array.from({ length: 30 }, (_, n) => `word ${n}\n`).join('');
  base = await repo.commit([
    fileLine('words.txt', words),
    fileLine('old/moved.txt', `${words}moved\n`),
    fileLine('gone.txt', 'gone'),
    fileLine('bytes.dat', Buffer.from([0, 1, 2])),
    fileLine('long.txt', 'x\n'.repeat(2_000_000)),
    lfsLine('model.bin', large[0]),
  ]);
  await repo.api('POST', 'branch/feature%2Fx', { body: { startingPoint: base } });
  changed = await repo.commit(
    [
      fileLine('words.txt', words.replace('word 7\n', 'other\nlines\n')),
      ['deletedFile', { path: 'old/moved.txt' }],
      fileLine('new/moved.txt', `${words}moved\n`),
      ['deletedFile', { path: 'gone.txt' }],
      fileLine('bytes.dat', Buffer.from([0, 1, 3])),
      fileLine('long.txt', 'y\n'.repeat(2_000_000)),
      lfsLine('model.bin', large[1]),
      fileLine('added.txt', 'one\ntwo'),
    ],
    { summary: 'Change all', description: 'Because.' },
  );
  sided = await repo.commit([fileLine('side.txt', 'side\n')], { summary: 'side' }, 'feature%2Fx');
});
afterAll(() => hub[Symbol.asyncDispose]());

const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;
const nextOf = ({ headers }: Answer): string | undefined =>
  /<[^>]+\/api\/models\/owner\/diffs\/([^>]+)>; rel="next"/.exec(String(headers['link'] ?? ''))?.[1];
const get = async <Shape>(target: string): Promise<Shape> => {
  const answer = await repo.api('GET', target);
  expect(answer.status, answer.text).toBe(200);
  return answer.json<Shape>();
};
const summary = ({ files }: Pick<CommitDiffReply, 'files'>): readonly string[] =>
  files.map(({ type, path, previous_path: from }) => [type, ...(from ? [from] : []), path].join(' '));

const ALL = [
  'added added.txt',
  'modified bytes.dat',
  'removed gone.txt',
  'modified long.txt',
  'modified model.bin',
  'renamed old/moved.txt new/moved.txt',
  'modified words.txt',
];

describe('the diff of a commit', () => {
  test('tells each file with its sides, and the lines of texts', async () => {
    const diff = await get<CommitDiffReply>(`commit/${changed}/diff`);
    expect(diff).toMatchObject({
      commit_id: changed,
      parent_commit: base,
      title: 'Change all',
      message: 'Because.',
      author: 'owner',
      files_changed: 7,
    });
    expect(summary(diff)).toEqual(ALL);
    const byPath = new Map(diff.files.map((file) => [file.path, file]));
    expect(byPath.get('words.txt')).toMatchObject({
      mode: '100644',
      is_lfs: false,
      is_binary: false,
      additions: 2,
      deletions: 1,
      diff: '@@ -5,7 +5,8 @@\n word 4\n word 5\n word 6\n-word 7\n+other\n+lines\n word 8\n word 9\n word 10\n',
    });
    expect(byPath.get('added.txt')).toMatchObject({
      previous_oid: null,
      previous_size_bytes: null,
      size_bytes: 7,
      diff: '@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n',
    });
    expect(byPath.get('gone.txt')).toMatchObject({ oid: null, size_bytes: null, additions: 0, deletions: 1 });
    expect(byPath.get('new/moved.txt')).toMatchObject({ similarity: 100, diff: null });
    expect(byPath.get('bytes.dat')).toMatchObject({ is_binary: true, diff: null, diff_omitted: 'binary' });
    expect(byPath.get('long.txt')).toMatchObject({ diff: null, additions: null, diff_omitted: 'too-long' });
    expect(byPath.get('model.bin')).toMatchObject({
      is_lfs: true,
      previous_size_bytes: 200_000,
      size_bytes: 250_000,
      previous_sha256: sha256Of(large[0]),
      sha256: sha256Of(large[1]),
      diff_omitted: 'large-file',
    });
  });

  test('of a first commit is against nothing', async () => {
    const diff = await get<CommitDiffReply>(`commit/${first}/diff`);
    expect(diff.parent_commit).toBeNull();
    expect(summary(diff)).toEqual(['added .gitattributes']);
    expect(codeOf(await repo.api('GET', `commit/${first}/diff?parent=1`))).toBe('400 InvalidParameter');
  });

  test('in pages is the whole, though the branch moves meanwhile', async () => {
    await repo.api('POST', 'branch/moving', { body: { startingPoint: changed } });
    const files: string[] = [];
    for (let next: string | undefined = 'commit/moving/diff?limit=2'; next !== undefined;) {
      const answer: Answer = await repo.api('GET', next);
      expect(answer.json<CommitDiffReply>()).toMatchObject({ commit_id: changed, files_changed: 7 });
      files.push(...summary(answer.json<CommitDiffReply>()));
      next = nextOf(answer);
      await repo.commit([fileLine('words.txt', `${files.length}`)], { summary: 'on' }, 'moving');
    }
    expect(files).toEqual(ALL);
  });

  test('of one path, a folder or a file', async () => {
    expect(summary(await get(`commit/${changed}/diff?path=old`))).toEqual([
      'renamed old/moved.txt new/moved.txt',
    ]);
    expect(summary(await get(`commit/${changed}/diff?path=words.txt`))).toEqual(['modified words.txt']);
    expect(summary(await get(`commit/${changed}/diff?path=absent`))).toEqual([]);
    expect(codeOf(await repo.api('GET', `commit/${changed}/diff?path=..%2Fx`))).toBe('400 InvalidPath');
  });

  test('as a patch is whole, text that nothing can run, and the same for HEAD', async () => {
    const answer = await repo.api('GET', `commit/${changed}/diff?raw=true`);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['content-security-policy']).toContain('sandbox');
    expect(answer.text.match(/^diff --git .*$/gm)).toHaveLength(7);
    expect(answer.text).toContain('rename from old/moved.txt\nrename to new/moved.txt\n');
    expect(answer.text).toContain('@@ -1,2000000 +1,2000000 @@');
    expect(answer.text).toContain(`-oid sha256:${sha256Of(large[0])}`);
    const head = await repo.api('HEAD', `commit/${changed}/diff?raw=true`);
    expect([head.status, head.headers['content-type'], head.body.byteLength]).toEqual([
      200,
      'text/plain; charset=utf-8',
      0,
    ]);
  });
});

describe('a comparison', () => {
  test('with three dots is from where they parted, with two from one to the other', async () => {
    const three = await get<CompareReply>('compare/main...feature%2Fx');
    expect(three).toMatchObject({ base_commit: changed, head_commit: sided, merge_base: base });
    expect(summary(three)).toEqual(['added side.txt']);
    const two = await get<CompareReply>('compare/main..feature%2Fx');
    expect(two).toMatchObject({ base_commit: changed, head_commit: sided, merge_base: null });
    expect(two.files_changed).toBe(8);
    const back = await get<CompareReply>('compare/feature/x...main');
    expect(summary(back)).toEqual(ALL);
  });

  test('takes every way to name a revision, plain slashes and encoded ones', async () => {
    for (const spec of [
      `${base}...${sided}`,
      `${base.slice(0, 8)}..${sided}`,
      'main...refs/heads/feature/x',
      'main...refs%2Fheads%2Ffeature%2Fx',
      'main%2E%2E%2Efeature%2Fx',
    ]) {
      expect([spec, summary(await get(`compare/${spec}`))]).toEqual([spec, ['added side.txt']]);
    }
    expect(await get('compare/main...main')).toMatchObject({ files: [], files_changed: 0 });
  });

  test('as a patch', async () => {
    const { text } = await repo.api('GET', 'compare/main...feature%2Fx?raw=true');
    expect(text).toMatch(
      /^diff --git a\/side.txt b\/side.txt\nnew file mode 100644\nindex 0{40}\.\.[0-9a-f]{40}\n--- \/dev\/null\n\+\+\+ b\/side.txt\n@@ -0,0 \+1 @@\n\+side\n$/,
    );
  });

  test.each([
    ['main', '400 InvalidRevision'],
    ['main...', '400 InvalidRevision'],
    ['...main', '400 InvalidRevision'],
    ['main....main', '400 InvalidRevision'],
    ['main.main', '400 InvalidRevision'],
    ['main...absent', '404 RevisionNotFound'],
    ['absent..main', '404 RevisionNotFound'],
    ['main...main?limit=0', '400 InvalidParameter'],
    ['main...main?cursor=junk', '400 InvalidCursor'],
    ['main...main?raw=perhaps', '400 InvalidParameter'],
  ])('of %j is refused', async (spec, expected) => {
    expect(codeOf(await repo.api('GET', `compare/${spec}`))).toBe(expected);
  });

  test('of a private repository is for its readers', async () => {
    const hidden = await createRepo(hub, 'owner/hidden-diffs', { isPrivate: true });
    for (const [person, expected] of [
      ['anonymous', '401 RepoNotFound'],
      ['stranger', '404 RepoNotFound'],
    ] as const) {
      const reader = repoClient(hub, hidden.name, person);
      expect(codeOf(await reader.api('GET', 'compare/main...main'))).toBe(expected);
      expect(codeOf(await reader.api('GET', 'commit/main/diff?raw=true'))).toBe(expected);
    }
  });
});
