import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type RequestOptions, type TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  lfsLine,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type Person,
  type XetUpload,
} from '../support/scenario.ts';
import { longestTurn } from '../support/turns.ts';
import { buildFile, buildShard, buildXorb } from '../unit/xet/builders.ts';

/* Buckets: files without revisions, by whoever may see and change them. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

const send = (
  method: string,
  target: string,
  options: RequestOptions = {},
  person: Person = 'owner',
): Promise<Answer> => hub.send(method, target, { token: tokenOf(person), ...options });
const codeOf = (answer: Answer): string => `${answer.status} ${String(answer.headers['x-error-code'])}`;

let count = 0;
async function newBucket(isPrivate = false): Promise<string> {
  const name = `owner/b${(count += 1)}`;
  const answer = await send('POST', `/api/buckets/${name}`, { body: { private: isPrivate } });
  expect(answer.json()).toEqual({ url: `${hub.url}/buckets/${name}`, id: name, name });
  return name;
}

async function upload(bucket: string, { xorb, shard }: XetUpload): Promise<Answer> {
  const answer = await send('GET', `/api/buckets/${bucket}/xet-write-token`);
  const { casUrl, accessToken: token } = answer.json<{ casUrl: string; accessToken: string }>();
  const cas = casUrl.replace(hub.url, '');
  const kept = await hub.send('POST', `${cas}/v1/xorbs/default/${xorb.hash}`, { token, body: xorb.bytes });
  expect(kept.status, kept.text).toBe(200);
  return hub.send('POST', `${cas}/v1/shards`, { token, body: shard });
}

/** Bytes that are uploaded to a bucket and wait there, with their hash. */
async function waiting(bucket: string, sizeBytes = 70_000): Promise<{ bytes: Buffer; xetHash: string }> {
  const bytes = randomBytes(sizeBytes);
  const built = await buildXetUpload(bytes);
  expect((await upload(bucket, built)).status).toBe(200);
  return { bytes, xetHash: built.fileHash };
}

const NDJSON = { 'content-type': 'application/x-ndjson' };
const batch = (bucket: string, lines: readonly unknown[], person: Person = 'owner'): Promise<Answer> =>
  send(
    'POST',
    `/api/buckets/${bucket}/batch`,
    { body: Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')), headers: NDJSON },
    person,
  );
const add = (path: string, xetHash: string, more: object = {}) => ({
  type: 'addFile',
  path,
  xetHash,
  mtime: 1_700_000_000_000,
  ...more,
});
const remove = (path: string) => ({ type: 'deleteFile', path });
const info = async (bucket: string) => (await send('GET', `/api/buckets/${bucket}`)).json();
const paths = async (bucket: string, rest = '?recursive=true'): Promise<readonly string[]> =>
  (await send('GET', `/api/buckets/${bucket}/tree${rest}`))
    .json<{ path: string }[]>()
    .map(({ path }) => path);

describe('the content of a bucket', () => {
  test('is what was uploaded to it, whole and in parts', async () => {
    const bucket = await newBucket();
    const { bytes, xetHash } = await waiting(bucket);
    const done = await batch(bucket, [add('a/b.bin', xetHash, { contentType: 'application/x-thing' })]);
    expect([done.status, done.json()]).toEqual([
      200,
      { success: true, processed: 1, succeeded: 1, failed: [] },
    ]);
    expect(await info(bucket)).toMatchObject({ id: bucket, private: false, size: 70_000, totalFiles: 1 });
    const [file] = (await send('GET', `/api/buckets/${bucket}/tree?recursive=1`)).json<object[]>();
    expect(file).toEqual({
      type: 'file',
      path: 'a/b.bin',
      size: 70_000,
      xetHash,
      mtime: '2023-11-14T22:13:20.000Z',
      uploadedAt: expect.stringMatching(/Z$/) as string,
      contentType: 'application/x-thing',
    });
    const target = `/buckets/${bucket}/resolve/a%2Fb.bin`;
    const whole = await send('GET', target);
    expect(whole.body.equals(bytes)).toBe(true);
    expect(whole.headers).toMatchObject({
      'x-xet-hash': xetHash,
      'x-linked-size': '70000',
      'x-linked-etag': `"${sha256Of(bytes)}"`,
      etag: `"${sha256Of(bytes)}"`,
      link: expect.stringContaining(
        `<${hub.url}/api/buckets/${bucket}/xet-read-token>; rel="xet-auth"`,
      ) as string,
    });
    expect(whole.headers).not.toHaveProperty('x-repo-commit');
    const part = await send('GET', target, { headers: { range: 'bytes=65530-65545' } });
    expect([part.status, part.body.equals(bytes.subarray(65_530, 65_546))]).toEqual([206, true]);
    expect(
      (await send('GET', target, { headers: { 'if-none-match': String(whole.headers.etag) } })).status,
    ).toBe(304);
    expect(codeOf(await send('HEAD', `/buckets/${bucket}/resolve/a`))).toBe('404 EntryNotFound');
  });

  test('needs no SHA-256 of the uploader, which a repository does', async () => {
    const bytes = randomBytes(50_000);
    const xorb = await buildXorb([{ raw: bytes, scheme: 0 }]);
    const file = await buildFile([{ xorb, start: 0, end: 1 }], undefined);
    const built = { xorb, shard: buildShard([file], [xorb]), fileHash: file.hash };
    const bucket = await newBucket();
    expect((await upload(bucket, built)).status).toBe(200);
    expect((await batch(bucket, [add('x.bin', file.hash)])).status).toBe(200);
    const head = await send('HEAD', `/buckets/${bucket}/resolve/x.bin`);
    expect(head.headers['x-linked-etag']).toBe(`"${sha256Of(bytes)}"`);

    const repo = await createRepo(hub, `owner/needs-sha-${count}`);
    await expect(repo.uploadXet(built)).rejects.toThrow('lacks its SHA-256');
  });

  test('goes with the last path that is it, and not before', async () => {
    const bucket = await newBucket();
    const first = await waiting(bucket);
    const second = await waiting(bucket, 1000);
    await batch(bucket, [add('a', first.xetHash), add('b', first.xetHash), add('c', second.xetHash)]);
    await batch(bucket, [remove('a')]);
    expect((await send('GET', `/buckets/${bucket}/resolve/b`)).body.equals(first.bytes)).toBe(true);
    await batch(bucket, [add('b', second.xetHash), remove('never-there')]);
    expect(await info(bucket)).toMatchObject({ size: 2000, totalFiles: 2 });
    const again = await batch(bucket, [add('d', first.xetHash), remove('c')]);
    expect([again.status, again.json()]).toMatchObject([422, { success: false, succeeded: 1 }]);
    expect(again.json()['failed']).toEqual([
      { path: 'd', error: `The content ${first.xetHash} was not uploaded to this bucket.` },
    ]);
    // What could be done was done.
    expect(await paths(bucket)).toEqual(['b']);
    expect(await hub.command('doctor', { full: false })).toMatchObject({ problems: [] });
  });

  test('of several changes of a path the last counts', async () => {
    const bucket = await newBucket();
    const { xetHash } = await waiting(bucket);
    await batch(bucket, [add('a', xetHash), remove('a'), remove('b'), add('b', xetHash)]);
    expect(await paths(bucket)).toEqual(['b']);
    expect(await info(bucket)).toMatchObject({ size: 70_000, totalFiles: 1 });
  });
});

describe('a hash', () => {
  test('gives nothing to a bucket that was not given the bytes', async () => {
    const [mine, other] = [await newBucket(), await newBucket()];
    const { xetHash } = await waiting(mine);
    expect((await batch(other, [add('a', xetHash)])).status).toBe(422);
    await batch(mine, [add('a', xetHash)]);
    expect((await batch(other, [add('a', xetHash)])).status).toBe(422);
    expect(await info(other)).toMatchObject({ totalFiles: 0 });
  });

  test.each([
    ['model', 'models'],
    ['bucket', 'buckets'],
  ])('is copied from a %s that the caller may read, and from no other', async (sourceRepoType, segment) => {
    const sourceRepoId = sourceRepoType === 'bucket' ? await newBucket(true) : `owner/copied-${(count += 1)}`;
    const bytes = randomBytes(4000);
    const built = await buildXetUpload(bytes);
    const copy = { type: 'copyFile', path: 'c', xetHash: built.fileHash, sourceRepoType, sourceRepoId };
    const target = await newBucket();
    if (sourceRepoType === 'model') {
      const repo = await createRepo(hub, sourceRepoId, { isPrivate: true });
      await repo.uploadXet(built);
      // It waits for its commit, for those who uploaded it.
      expect((await batch(target, [copy])).status).toBe(422);
      await repo.commit([lfsLine('w.bin', bytes)]);
    } else {
      await upload(sourceRepoId, built);
      expect((await batch(target, [copy])).status).toBe(422);
      await batch(sourceRepoId, [add('w.bin', built.fileHash)]);
    }
    const theirs = `stranger/theirs-${(count += 1)}`;
    await send('POST', `/api/buckets/${theirs}`, { body: {} }, 'stranger');
    const refused = await batch(theirs, [copy], 'stranger');
    const absent = await batch(theirs, [{ ...copy, sourceRepoId: 'owner/nothing-here' }], 'stranger');
    const said = (answer: Answer) => answer.text.replaceAll(/owner\/[a-z0-9-]+/g, 'it');
    expect([refused.status, said(refused)]).toEqual([422, said(absent)]);
    expect((await batch(target, [copy])).status).toBe(200);
    expect((await send('GET', `/buckets/${target}/resolve/c`)).body.equals(bytes)).toBe(true);
    // It stays when its source goes.
    const gone =
      segment === 'buckets'
        ? await send('DELETE', `/api/buckets/${sourceRepoId}`)
        : await send('DELETE', '/api/repos/delete', { body: { name: sourceRepoId } });
    expect(gone.status).toBe(200);
    expect((await send('GET', `/buckets/${target}/resolve/c`)).body.equals(bytes)).toBe(true);
  });
});

describe('a listing', () => {
  test('has folders, files and pages', async () => {
    const bucket = await newBucket();
    const { xetHash } = await waiting(bucket, 100);
    const many = Array.from({ length: 450 }, (_, index) => `logs/deep/${String(index).padStart(4, '0')}`);
    const all = ['logs', 'logs-old/x', 'logs.json', 'logs/a', ...many, 'logs/z', 'é/ü'].sort();
    await batch(
      bucket,
      all.map((path) => add(path, xetHash)),
    );
    expect(await paths(bucket)).toEqual(all);
    // Clients that say nothing of it want every file (`list_bucket_tree`).
    expect(await paths(bucket, '')).toEqual(all);
    const flat = 'recursive=false';
    const top = await send('GET', `/api/buckets/${bucket}/tree?${flat}`);
    expect(top.json<{ path: string }[]>().map(({ path }) => path)).toEqual([
      ...['logs', 'logs-old', 'logs.json', 'logs', 'é'],
    ]);
    for (const { type, uploadedAt } of top.json<{ type: string; uploadedAt: string }[]>())
      expect(Date.parse(uploadedAt), type).toBeGreaterThan(Date.now() - 600_000);
    expect(await paths(bucket, `/logs%2F?${flat}`)).toEqual(['logs', 'logs/a', 'logs/deep', 'logs/z']);
    expect(await paths(bucket, `/logs/deep?${flat}&limit=3`)).toEqual(many.slice(0, 3));
    expect(await paths(bucket, `/logs.json?${flat}`)).toEqual(['logs.json']);
    expect(await paths(bucket, `/nothing?${flat}`)).toEqual([]);
    expect(await paths(bucket, '/logs?recursive=true&limit=3')).toEqual(['logs', 'logs-old/x', 'logs.json']);
    for (const rest of ['?recursive=true&limit=100', `?${flat}&limit=2`, `/logs?${flat}&limit=1`]) {
      const found: string[] = [];
      let target: string | undefined = `/api/buckets/${bucket}/tree${rest}`;
      while (target !== undefined) {
        const page = await send('GET', target);
        found.push(...page.json<{ path: string }[]>().map(({ path }) => path));
        target = /<([^>]+)>; rel="next"/.exec(String(page.headers.link))?.[1]?.replace(hub.url, '');
      }
      expect(found).toEqual(await paths(bucket, rest.replace(/limit=\d+/, 'limit=1000')));
    }
    expect(codeOf(await send('GET', `/api/buckets/${bucket}/tree?cursor=YQ.AAAAAAAAAAA`))).toBe(
      '400 InvalidCursor',
    );
    const known = await send('POST', `/api/buckets/${bucket}/paths-info`, {
      body: { paths: ['logs/a', 'absent', 'logs/deep', '\ud800', 'a\0b'] },
    });
    expect(known.json<{ path: string }[]>().map(({ path }) => path)).toEqual(['logs/a']);
    const tooMany = { paths: Array.from({ length: 1001 }, (_, index) => `p${index}`) };
    expect(codeOf(await send('POST', `/api/buckets/${bucket}/paths-info`, { body: tooMany }))).toBe(
      '413 TooManyItems',
    );
  });

  test('of buckets has what the caller may see', async () => {
    const [open, hidden] = [await newBucket(), await newBucket(true)];
    const ids = async (target: string, person: Person) =>
      (await send('GET', target, {}, person)).json<{ id: string }[]>().map(({ id }) => id);
    const own = await ids('/api/buckets/me', 'owner');
    expect(own.slice(0, 2)).toEqual([hidden, open]);
    const theirs = await ids('/api/buckets/owner', 'stranger');
    expect([theirs.includes(open), theirs.includes(hidden)]).toEqual([true, false]);
    expect(await ids(`/api/buckets/me?search=${hidden.split('/')[1]}`, 'owner')).toContain(hidden);
    expect(await ids('/api/buckets/me?search=no-such', 'owner')).toEqual([]);
    // Clients ask so for a bucket whose owner they leave out.
    for (const name of ['nobody-here', '%00'])
      expect(codeOf(await send('GET', `/api/buckets/${name}`))).toMatch(/^(404 NotFound|400 InvalidPath)$/);
    expect(codeOf(await send('DELETE', '/api/buckets/nobody-here'))).toBe('404 RepoNotFound');
    expect(codeOf(await send('GET', '/api/buckets/me', { token: undefined }, 'anonymous'))).toBe(
      '401 SignInRequired',
    );
    for (const kind of ['models', 'datasets', 'spaces', 'kernels'])
      expect(await ids(`/api/${kind}?author=owner&search=${open.split('/')[1]}`, 'owner')).toEqual([]);
    expect(codeOf(await send('GET', `/api/models/${open}`))).toBe('404 RepoNotFound');
    const stored = await send('GET', '/api/settings/repositories');
    expect(stored.json<{ id: string; type: string }[]>()).toContainEqual(
      expect.objectContaining({ id: open, type: 'bucket' }),
    );
  });
});

describe('the life of a bucket', () => {
  test('has one name at a time', async () => {
    const bucket = await newBucket();
    const taken = await send('POST', `/api/buckets/${bucket.toUpperCase().replace('OWNER', 'owner')}`, {
      body: {},
    });
    expect([codeOf(taken), taken.json()['url']]).toEqual(['409 Conflict', `${hub.url}/buckets/${bucket}`]);
    // A repository of that name is something else.
    await createRepo(hub, bucket);
    const { xetHash, bytes } = await waiting(bucket);
    await batch(bucket, [add('a', xetHash)]);
    const body = { fromRepo: bucket, toRepo: `${bucket}-moved`, type: 'bucket' };
    expect((await send('POST', '/api/repos/move', { body })).status).toBe(200);
    const former = await send('GET', `/buckets/${bucket}/resolve/a`);
    expect([former.status, former.headers.location]).toEqual([307, `/buckets/${bucket}-moved/resolve/a`]);
    expect((await send('GET', `/api/buckets/${bucket}`)).headers.location).toBe(
      `/api/buckets/${bucket}-moved`,
    );
    expect((await send('GET', `/buckets/${bucket}-moved/resolve/a`)).body.equals(bytes)).toBe(true);
    // What is deleted for good must be called by its own name.
    expect(codeOf(await send('DELETE', `/api/buckets/${bucket}`))).toBe('404 RepoNotFound');
    expect((await send('DELETE', `/api/buckets/${bucket}-moved`)).status).toBe(200);
    expect(codeOf(await send('GET', `/api/buckets/${bucket}-moved`))).toBe('404 RepoNotFound');
    expect(codeOf(await send('GET', `/api/buckets/${bucket}`))).toBe('404 RepoNotFound');
    expect((await send('GET', `/api/models/${bucket}`)).status).toBe(200);
  });

  test('is private when its owner says so, in either spelling', async () => {
    const bucket = await newBucket();
    const set = (body: object) => send('PUT', `/api/buckets/${bucket}/settings`, { body });
    const seen = async () => codeOf(await send('GET', `/api/buckets/${bucket}`, {}, 'stranger'));
    expect((await set({ private: true })).json()).toEqual({ visibility: 'private', private: true });
    expect(await seen()).toBe('404 RepoNotFound');
    expect((await set({ visibility: 'public' })).json()).toEqual({ visibility: 'public', private: false });
    expect(await seen()).toBe('200 undefined');
    expect(codeOf(await set({}))).toBe('400 InvalidBody');
    expect(codeOf(await set({ visibility: 'protected' }))).toBe('400 InvalidBody');
  });
});

describe('bad input stores nothing', () => {
  const HASH = 'a'.repeat(64);
  test.each<[string, readonly unknown[], string]>([
    ['no line', [], '400 InvalidBody'],
    ['a list', [[]], '400 InvalidBody'],
    ['no type', [{ path: 'a', xetHash: HASH }], '400 InvalidBody'],
    ['another type', [{ type: 'moveFile', path: 'a' }], '400 InvalidBody'],
    ['no path', [{ type: 'deleteFile' }], '400 InvalidBody'],
    ['a path upwards', [add('../a', HASH)], '400 InvalidPath'],
    ['a path of Windows', [add('con', HASH)], '400 ReservedName'],
    ['a hash in upper case', [add('a', 'A'.repeat(64))], '400 InvalidBody'],
    ['a time that is none', [add('a', HASH, { mtime: 1e300 })], '400 InvalidBody'],
    ['a type with a line break', [add('a', HASH, { contentType: 'a\r\nb' })], '400 InvalidBody'],
    ['no source', [{ ...add('a', HASH), type: 'copyFile' }], '400 InvalidBody'],
    [
      'a source of no kind',
      [{ ...add('a', HASH), type: 'copyFile', sourceRepoType: '__proto__', sourceRepoId: 'a/b' }],
      '400 InvalidBody',
    ],
    ['too many lines', Array.from({ length: 5001 }, (_, index) => remove(`p${index}`)), '413 TooManyItems'],
    ['content that was not uploaded', [add('a', HASH)], '422 undefined'],
  ])('%s', async (_title, lines, expected) => {
    const bucket = await newBucket();
    const { xetHash } = await waiting(bucket, 100);
    const good = expected.startsWith('422') || lines.length === 0 ? [] : [add('good', xetHash)];
    await expectNothingStored(hub, async () =>
      expect(codeOf(await batch(bucket, [...good, ...lines]))).toBe(expected),
    );
  });

  test.each(['..', 'a--b', 'a.git', '-a', 'x'.repeat(97), '%20'])('the name %j', async (name) => {
    await expectNothingStored(hub, async () => {
      const answer = await send('POST', `/api/buckets/owner/${name}`, { body: {} });
      expect([400, 404]).toContain(answer.status);
    });
  });

  test('nothing of all this was a fault of the hub', async () => {
    expect(hub.loggedErrors()).toEqual([]);
    expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  });
});

test('a batch of 5,000 lines, and the list of its files, hold up nobody', { timeout: 60_000 }, async () => {
  const bucket = await newBucket();
  const contents = [(await waiting(bucket)).xetHash, (await waiting(bucket)).xetHash];
  const turns: { batch: number; list: number }[] = [];
  for (let round = 0; round < 8; round += 1) {
    const lines = Array.from({ length: 5000 }, (_, index) =>
      add(`folder ${index % 50}/of many files/${index}.safetensors`, contents[(index + round) % 2] ?? ''),
    );
    turns.push({
      batch: await longestTurn(async () =>
        expect((await batch(bucket, lines)).json()).toMatchObject({ success: true, processed: 5000 }),
      ),
      // A page has a thousand files, whatever is asked for.
      list: await longestTurn(async () =>
        expect(await paths(bucket, '?recursive=true&limit=10000')).toHaveLength(1000),
      ),
    });
  }
  // The first rounds also compile what runs, and this process plays the client as well.
  expect(Math.min(...turns.map((turn) => turn.batch))).toBeLessThan(15);
  expect(Math.min(...turns.map((turn) => turn.list))).toBeLessThan(15);
});
