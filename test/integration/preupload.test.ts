import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type TestHub } from '../support/hub.ts';
import {
  blobIdOf,
  createRepo,
  fileLine,
  lfsLine,
  sha256Of,
  startPeopledHub,
  type RepoClient,
} from '../support/scenario.ts';

/* How each file of a coming commit is to be sent. */

let hub: TestHub;
let repo: RepoClient;
const large = randomBytes(2000);
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/m1');
  await repo.uploadLfs(large);
  await repo.commit([
    fileLine('a.txt', 'here'),
    lfsLine('m.bin', large),
    fileLine('.gitignore', '*.log\n!keep.log\nbuild/\n'),
  ]);
});
afterAll(() => hub[Symbol.asyncDispose]());

interface Plan {
  readonly path: string;
  readonly uploadMode: string;
  readonly shouldIgnore: boolean;
  readonly oid: string | null;
}

const ask = (body: object, revision = 'main') => repo.api('POST', `preupload/${revision}`, { body });
async function planOf(files: readonly object[], more: object = {}): Promise<readonly Plan[]> {
  const answer = await ask({ files, ...more });
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ files: Plan[] }>().files;
}
const sampleOf = (bytes: Buffer): string => bytes.subarray(0, 512).toString('base64');
const modesOf = (plans: readonly Plan[]): Record<string, string> =>
  Object.fromEntries(plans.map(({ path, uploadMode }) => [path, uploadMode]));

test('files are large by pattern, by size and by what they begin with', async () => {
  const text = sampleOf(Buffer.from('plain text\n'));
  const plans = await planOf([
    { path: 'weights.safetensors', size: 10, sample: text },
    { path: 'saved_model/variables/x', size: 10, sample: text },
    { path: 'small.txt', size: 10, sample: text },
    { path: 'limit.txt', size: 10 * 1024 * 1024, sample: text },
    { path: 'big.txt', size: 10 * 1024 * 1024 + 1, sample: text },
    { path: 'with-zero', size: 10, sample: sampleOf(Buffer.from('a\0b')) },
    { path: 'no-text', size: 10, sample: sampleOf(Buffer.from([0xff, 0xfe, 0xfd])) },
    {
      path: 'cut-character',
      size: 600,
      sample: Buffer.from('é'.repeat(300)).subarray(0, 511).toString('base64'),
    },
    { path: 'no-sample', size: 10 },
    { path: 'null-sample', size: 10, sample: null },
    { path: 'empty.bin', size: 0, sample: '' },
  ]);
  expect(modesOf(plans)).toEqual({
    'weights.safetensors': 'lfs',
    'saved_model/variables/x': 'lfs',
    'small.txt': 'regular',
    'limit.txt': 'regular',
    'big.txt': 'lfs',
    'with-zero': 'lfs',
    'no-text': 'lfs',
    'cut-character': 'regular',
    'no-sample': 'regular',
    'null-sample': 'regular',
    'empty.bin': 'regular',
  });
});

test('the rules of the same commit count before those of the branch', async () => {
  const plans = await planOf(
    [
      { path: 'x.dat', size: 1 },
      { path: 'x.bin', size: 1 },
    ],
    {
      gitAttributes: '*.dat filter=lfs diff=lfs merge=lfs -text\n',
    },
  );
  expect(modesOf(plans)).toEqual({ 'x.dat': 'lfs', 'x.bin': 'regular' });
});

test('what stands at each path now is told, so that nothing is sent twice', async () => {
  const answer = await ask({
    files: [
      { path: 'a.txt', size: 4 },
      { path: 'm.bin', size: 2000 },
      { path: 'new', size: 1 },
    ],
  });
  expect(answer.json()).toMatchObject({
    commitOid: await repo.head(),
    files: [{ oid: blobIdOf(Buffer.from('here')) }, { oid: sha256Of(large) }, { oid: null }],
  });
});

test('a client that gives the SHA-256 of a file learns that it need not send it', async () => {
  const here = Buffer.from('here');
  const sample = here.toString('base64');
  const files = [
    { path: 'a.txt', size: 4, sha256: sha256Of(here), sample },
    { path: 'a.txt', size: 4, sha256: sha256Of(here) },
    { path: 'm.bin', size: large.length, sha256: sha256Of(large) },
  ];
  const isIgnored = async (file: object) => (await planOf([file]))[0]?.shouldIgnore;
  for (const file of files) {
    expect(await isIgnored(file)).toBe(true);
    expect(await isIgnored({ ...file, sha256: undefined })).toBe(false);
    expect(await isIgnored({ ...file, sha256: sha256Of(Buffer.from('other')) })).toBe(false);
    expect(await isIgnored({ ...file, size: file.size + 1 })).toBe(false);
    expect(await isIgnored({ ...file, path: 'elsewhere' })).toBe(false);
  }
  expect(
    (await ask({ files: [{ path: 'a.txt', size: 4, sha256: 'no hash' }] })).headers['x-error-code'],
  ).toBe('InvalidOid');
});

test('ignored files are named, by the file of the branch or that of the commit', async () => {
  const files = ['a.log', 'keep.log', 'build/x', 'src/x'].map((path) => ({ path, size: 1 }));
  const ignored = (plans: readonly Plan[]) =>
    plans.filter((plan) => plan.shouldIgnore).map(({ path }) => path);
  expect(ignored(await planOf(files))).toEqual(['a.log', 'build/x']);
  expect(ignored(await planOf(files, { gitIgnore: 'src/' }))).toEqual(['src/x']);
  expect(ignored(await planOf(files, { gitIgnore: '' }))).toEqual([]);
});

test('ten thousand files are planned at once', async () => {
  const files = Array.from({ length: 10_000 }, (_, index) => ({
    path: `d${index % 100}/f${index}.json`,
    size: 10,
    sample: 'YQ==',
  }));
  const plans = await planOf(files);
  expect(plans).toHaveLength(10_000);
  expect(new Set(plans.map(({ uploadMode }) => uploadMode))).toEqual(new Set(['regular']));
});

describe('refused are', () => {
  const file = (more: object) => ({ files: [{ path: 'a', size: 1, ...more }] });
  test.each([
    ['no files', {}, 400],
    ['files that are no list', { files: {} }, 400],
    [
      'more files than allowed',
      { files: Array.from({ length: 10_001 }, (_, index) => ({ path: `${index}`, size: 1 })) },
      413,
    ],
    ['a path that is none', file({ path: '../a' }), 422],
    ['a path of git', file({ path: '.git/config' }), 422],
    ['a path of Windows', file({ path: 'a\\b' }), 422],
    ['a negative size', file({ size: -1 }), 400],
    ['a size as text', file({ size: '1' }), 400],
    ['a size beyond numbers', file({ size: 2 ** 53 }), 400],
    ['a sample that is no base64', file({ sample: '***' }), 400],
    ['a sample that is too long', file({ sample: 'A'.repeat(10_000) }), 413],
  ])('%s', async (_, body, status) => {
    await expectNothingStored(hub, async () => {
      expect((await ask(body)).status).toBe(status);
    });
  });
});
