import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  fileLine,
  lfsLine,
  ndjson,
  repoClient,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';
import { sample } from '../unit/xet/builders.ts';

/* The large files of a repository: listed, removed from all history, copied to another repository. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

let count = 0;
const newRepo = (): Promise<RepoClient> => createRepo(hub, `owner/f${(count += 1)}`);

interface Listed {
  readonly fileOid: string;
  readonly filename: string;
  readonly oid: string;
  readonly pushedAt: string;
  readonly ref: string;
  readonly size: number;
  readonly pusher: { readonly name: string };
}

const listed = async (repo: RepoClient, query = ''): Promise<readonly Listed[]> =>
  (await repo.api('GET', `lfs-files${query}`)).json<Listed[]>();
const remove = (repo: RepoClient, sha: readonly string[], rewriteHistory = true): Promise<Answer> =>
  repo.api('POST', 'lfs-files/batch', { body: { deletions: { sha, rewriteHistory } } });
const commitsOf = async (repo: RepoClient, revision = 'main') =>
  (await repo.api('GET', `commits/${revision}?limit=100`)).json<
    { id: string; title: string; date: string }[]
  >();

async function add(repo: RepoClient, path: string, seed: number, revision = 'main'): Promise<Buffer> {
  const bytes = sample(seed, 3000 + seed);
  await repo.uploadLfs(bytes);
  await repo.commit([lfsLine(path, bytes)], { summary: `Add ${path}` }, revision);
  return bytes;
}

const expectSound = async (): Promise<void> => {
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
};

test('files are listed once each, in pages, with where they came from', async () => {
  const repo = await newRepo();
  expect(await listed(repo)).toEqual([]);
  const first = await add(repo, 'a/first.bin', 1);
  await repo.api('POST', 'branch/dev', { body: {} });
  const second = await add(repo, 'second.bin', 2, 'dev');
  await repo.commit([lfsLine('again.bin', first)]);
  const all = await listed(repo);
  expect(all).toMatchObject([
    { filename: 'a/first.bin', ref: 'main', size: first.length, pusher: { name: 'owner' } },
    { filename: 'second.bin', ref: 'dev', size: second.length, pusher: { name: 'owner' } },
  ]);
  expect(all.map(({ fileOid, oid }) => [fileOid, oid])).toEqual(
    [first, second].map((bytes) => [sha256Of(bytes), sha256Of(bytes)]),
  );
  expect(Date.parse(all[0]?.pushedAt ?? '')).toBeGreaterThan(Date.now() - 60_000);

  const page = await repo.api('GET', 'lfs-files?limit=1');
  const [, next] = /<([^>]+)>; rel="next"/.exec(String(page.headers.link)) ?? [];
  const rest = await hub.send('GET', (next ?? '').replace(hub.url, ''), { token: tokenOf('owner') });
  expect([...page.json<Listed[]>(), ...rest.json<Listed[]>()]).toEqual(all);
  for (const cursor of ['0', '-1', 'x', '1.5']) {
    expect((await repo.api('GET', `lfs-files?cursor=${cursor}`)).status).toBe(400);
  }
});

describe('removing with history', () => {
  test('leaves no commit that names the file, on any branch or tag, and all else as it was', async () => {
    const repo = await newRepo();
    await repo.commit([fileLine('keep.txt', 'kept'), fileLine('deep/er/keep.txt', 'kept')]);
    const before = await repo.head();
    const gone = await add(repo, 'deep/er/gone.bin', 10);
    await repo.api('POST', 'tag/main', { body: { tag: 'light' } });
    await repo.api('POST', 'tag/main', { body: { tag: 'heavy', message: 'annotated' } });
    await repo.commit([lfsLine('only/here/copy.bin', gone)]);
    await repo.api('POST', 'branch/dev', { body: {} });
    const kept = await add(repo, 'kept.bin', 11);
    await repo.commit([['deletedFile', { path: 'deep/er/gone.bin' }]], { summary: 'Delete' });
    await repo.api('POST', 'branch/old', { body: { startingPoint: before } });
    const history = await commitsOf(repo);

    const answer = await remove(repo, [sha256Of(gone)]);
    expect([answer.status, answer.json()]).toEqual([200, { success: true }]);

    const paths = ['.gitattributes', 'deep/er/keep.txt', 'keep.txt'];
    expect(await repo.paths('light')).toEqual(paths);
    expect(await repo.paths('heavy')).toEqual(paths);
    expect(await repo.paths('dev')).toEqual(paths);
    expect(await repo.paths('main')).toEqual([...paths, 'kept.bin'].toSorted());
    expect(await repo.head('old')).toBe(before);
    const rewritten = await commitsOf(repo);
    expect(rewritten.map(({ title, date }) => [title, date])).toEqual(
      history.map(({ title, date }) => [title, date]),
    );
    for (const { id } of rewritten) {
      expect((await repo.paths(id)).filter((path) => path.endsWith('.bin') && path !== 'kept.bin')).toEqual(
        [],
      );
    }
    // What came before the file has the ids it had.
    expect(rewritten.map(({ id }) => id)).toContain(before);
    expect((await repo.resolve('main', 'kept.bin')).body.equals(kept)).toBe(true);
    expect((await listed(repo)).map(({ fileOid }) => fileOid)).toEqual([sha256Of(kept)]);
    expect((await repo.batchOne('download', gone)).error?.code).toBe(404);
    const lost = await repo.postCommit(ndjson([lfsLine('back.bin', gone)]));
    expect(lost.headers['x-error-code']).toBe('LfsNotUploaded');
    await expectSound();

    // Sent again, it changes nothing; uploaded again, the file is as good as any.
    const head = await repo.head();
    expect((await remove(repo, [sha256Of(gone)])).status).toBe(200);
    expect(await repo.head()).toBe(head);
    await repo.uploadLfs(gone);
    await repo.commit([lfsLine('back.bin', gone)]);
    expect((await repo.resolve('main', 'back.bin')).body.equals(gone)).toBe(true);
    await expectSound();
  });

  test('takes the file from one repository alone', async () => {
    const [mine, other] = [await newRepo(), await newRepo()];
    const bytes = await add(mine, 'f.bin', 20);
    await other.uploadLfs(bytes);
    await other.commit([lfsLine('f.bin', bytes)]);
    expect((await remove(mine, [sha256Of(bytes)])).status).toBe(200);
    expect((await mine.resolve('main', 'f.bin')).status).toBe(404);
    expect((await other.resolve('main', 'f.bin')).body.equals(bytes)).toBe(true);
  });

  test('may leave nothing at all', async () => {
    const repo = await newRepo();
    await repo.commit([['deletedFile', { path: '.gitattributes' }]]);
    const bytes = sample(21, 3000);
    await repo.uploadLfs(bytes);
    await repo.commit([lfsLine('f.bin', bytes), fileLine('.gitattributes', '*.bin filter=lfs -text\n')]);
    await repo.commit([['deletedFile', { path: '.gitattributes' }]]);
    expect((await remove(repo, [sha256Of(bytes)])).status).toBe(200);
    expect(await repo.paths()).toEqual([]);
    await repo.commit([fileLine('new.txt', 'x')]);
    expect(await repo.paths()).toEqual(['new.txt']);
    await expectSound();
  });
});

test('removing without history leaves commits whose pointers lead nowhere', async () => {
  const repo = await newRepo();
  const bytes = await add(repo, 'f.bin', 30);
  const head = await repo.head();
  expect((await remove(repo, [sha256Of(bytes)], false)).status).toBe(200);
  expect(await repo.head()).toBe(head);
  expect(await listed(repo)).toEqual([]);
  expect((await repo.batchOne('download', bytes)).error?.code).toBe(404);
  expect((await repo.resolve('main', 'f.bin')).text).toMatch(/^version https:\/\/git-lfs/);
  await expectSound();
  // With history the same files go from there, too.
  expect((await remove(repo, [sha256Of(bytes)])).status).toBe(200);
  expect(await repo.paths()).toEqual(['.gitattributes']);
});

test('removing is refused with a wrong body, in too great numbers, and to who may not', async () => {
  const repo = await newRepo();
  const bytes = await add(repo, 'f.bin', 40);
  const good = sha256Of(bytes);
  const statusOf = async (body: unknown) => (await repo.api('POST', 'lfs-files/batch', { body })).status;
  await expectNothingStored(hub, async () => {
    expect(await statusOf({})).toBe(400);
    expect(await statusOf({ deletions: { sha: good } })).toBe(400);
    expect(await statusOf({ deletions: { sha: [good.toUpperCase()] } })).toBe(400);
    expect(await statusOf({ deletions: { sha: [good], rewriteHistory: 'yes' } })).toBe(400);
    expect(await statusOf({ deletions: { sha: Array(1001).fill(good) } })).toBe(413);
    const stranger = repoClient(hub, repo.name, 'stranger');
    expect((await remove(stranger, [good])).status).toBe(403);
  });
  expect((await repo.resolve('main', 'f.bin')).body.equals(bytes)).toBe(true);
});

describe('copying to another repository', () => {
  const copy = (
    source: RepoClient,
    target: string,
    files: readonly object[],
    type = 'model',
  ): Promise<Answer> =>
    source.api('POST', 'lfs-files/duplicate', { body: { target: { type, name: target }, files } });

  test('lets the target commit what the source has, without its bytes', async () => {
    const [source, target] = [await newRepo(), await newRepo()];
    const bytes = sample(50, 100_000);
    const upload = await buildXetUpload(bytes);
    await source.uploadXet(upload);
    await source.commit([lfsLine('f.bin', bytes)]);
    const plain = await add(source, 'plain.bin', 51);
    const files = [
      { sha256: sha256Of(bytes), xetHash: upload.fileHash, filename: 'f.bin' },
      { sha256: sha256Of(plain), filename: 'plain.bin' },
    ];
    const answer = await copy(source, target.name, files);
    expect([answer.status, answer.json()]).toEqual([200, { failed: [] }]);
    await target.commit(
      [bytes, plain].map((one, index) => [
        'lfsFile',
        { path: `${index}.bin`, algo: 'sha256', oid: sha256Of(one) },
      ]),
    );
    expect((await target.resolve('main', '0.bin')).body.equals(bytes)).toBe(true);
    expect((await target.resolve('main', '1.bin')).body.equals(plain)).toBe(true);
  });

  test('answers what the source does not have, committed and under that hash', async () => {
    const [source, target] = [await newRepo(), await newRepo()];
    const committed = sample(52, 1000);
    const upload = await buildXetUpload(committed);
    await source.uploadXet(upload);
    await source.commit([lfsLine('f.bin', committed)]);
    const pending = sample(53, 1000);
    await source.uploadLfs(pending);
    const answer = await copy(source, target.name, [
      { sha256: sha256Of(committed), xetHash: 'a'.repeat(64) },
      { sha256: sha256Of(pending) },
      { sha256: 'b'.repeat(64), xetHash: upload.fileHash },
    ]);
    const { failed } = answer.json<{ failed: { sha256: string; error: string }[] }>();
    expect(failed.map(({ sha256 }) => sha256)).toEqual([
      sha256Of(committed),
      sha256Of(pending),
      'b'.repeat(64),
    ]);
    expect(failed.every(({ error }) => /\.$/.test(error))).toBe(true);
    for (const bytes of [committed, pending]) {
      expect((await target.postCommit(ndjson([lfsLine('x.bin', bytes)]))).status).toBe(400);
    }
  });

  test('needs the right to read the one and to write the other', async () => {
    const source = await createRepo(hub, `owner/f${(count += 1)}`, { isPrivate: true });
    const target = await newRepo();
    const bytes = await add(source, 'f.bin', 54);
    const files = [{ sha256: sha256Of(bytes) }];
    await createRepo(hub, 'stranger/f', { person: 'stranger' });
    await expectNothingStored(hub, async () => {
      const asStranger = (name: string) => repoClient(hub, name, 'stranger');
      expect((await copy(asStranger(source.name), 'stranger/f', files)).status).toBe(404);
      expect((await copy(asStranger(target.name), target.name, files)).status).toBe(403);
      expect((await copy(repoClient(hub, target.name, 'anonymous'), target.name, files)).status).toBe(401);
      expect((await copy(source, 'owner/absent', files)).status).toBe(404);
      expect((await copy(source, 'no name', files)).status).toBe(404);
      expect((await copy(source, target.name, files, 'thing')).status).toBe(400);
      expect((await copy(source, target.name, [{ sha256: 'x' }])).status).toBe(400);
    });
  });
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
