import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  createRepo,
  lfsLine,
  repoClient,
  sha256Of,
  startPeopledHub,
  type LfsObject,
  type RepoClient,
} from '../support/scenario.ts';

/* git-lfs: batch, transfers in one piece and in parts, and that nobody gets at an object by its name alone. */

const MIB = 1024 * 1024;
const PART = 5 * MIB;
const HOUR_MS = 3_600_000;

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub(['--limits-part-size', '5MiB', '--limits-large-file-size', '40MiB']);
});
afterAll(() => hub[Symbol.asyncDispose]());

let count = 0;
const newRepo = (): Promise<RepoClient> => createRepo(hub, `owner/l${(count += 1)}`);
const pathOf = (href: string | undefined): string => (href ?? '').replace(hub.url, '');
const put = (
  href: string | undefined,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => hub.send('PUT', pathOf(href), { body, headers });
const uploadHref = async (repo: RepoClient, bytes: Buffer): Promise<string> =>
  pathOf((await repo.batchOne('upload', bytes)).actions?.['upload']?.href);
const objectsOf = (answer: Answer): readonly LfsObject[] => answer.json<{ objects: LfsObject[] }>().objects;
const storedLarge = async (): Promise<readonly string[]> =>
  Object.keys((await hub.snapshot()).files).filter((path) => path.includes('large/'));

describe('the batch', () => {
  test('tells where to send an object, where to confirm it, and nothing once it is held', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(1000);
    const name = { oid: sha256Of(bytes), size: 1000 };
    const answer = await repo.batch({
      operation: 'upload',
      transfers: ['basic'],
      objects: [name],
      hash_algo: 'sha256',
    });
    expect(answer.headers['content-type']).toBe('application/vnd.git-lfs+json');
    const [object] = objectsOf(answer);
    expect(answer.json()).toMatchObject({ transfer: 'basic', hash_algo: 'sha256' });
    expect(object).toMatchObject({
      ...name,
      actions: {
        upload: { href: expect.stringMatching(new RegExp(`^${hub.url}/api/lfs/objects/`)) as string },
        verify: { href: expect.stringMatching(new RegExp(`^${hub.url}/api/lfs/verify/`)) as string },
      },
    });
    expect((await put(object?.actions?.['upload']?.href, bytes)).status).toBe(200);
    expect(await repo.batchOne('upload', bytes)).toEqual({ ...name, authenticated: true });
    const [absent] = objectsOf(
      await repo.batch({ operation: 'download', objects: [{ oid: sha256Of(Buffer.from('x')), size: 1 }] }),
    );
    expect(absent?.error?.code).toBe(404);
  });

  test('answers below every address that clients derive', async () => {
    const repo = await newRepo();
    const token = `Bearer hf_${'owner'.padEnd(30, '0')}`;
    for (const base of [
      `/${repo.name}.git`,
      `/${repo.name}`,
      `/models/${repo.name}.git`,
      `/models/${repo.name}`,
    ]) {
      const { status } = await hub.send('POST', `${base}/info/lfs/objects/batch`, {
        body: Buffer.from('{"operation":"download","objects":[]}'),
        headers: { authorization: token, 'content-type': 'application/vnd.git-lfs+json; charset=utf-8' },
      });
      expect([base, status]).toEqual([base, 200]);
    }
  });

  test.each([
    ['another operation', { operation: 'delete', objects: [] }, 422],
    ['no operation', { objects: [] }, 422],
    ['a list of operations', { operation: ['upload'], objects: [] }, 422],
    ['no objects', { operation: 'upload' }, 422],
    ['objects that are no list', { operation: 'upload', objects: {} }, 422],
    ['transfers that are no list', { operation: 'upload', objects: [], transfers: 1 }, 422],
    ['a ref that is no text', { operation: 'upload', objects: [], ref: { name: 1 } }, 422],
    ['a ref of 10 KB', { operation: 'upload', objects: [], ref: { name: 'x'.repeat(10_000) } }, 422],
    ['another hash', { operation: 'upload', objects: [], hash_algo: 'sha512' }, 409],
    [
      'too many objects',
      {
        operation: 'upload',
        objects: Array.from({ length: 1001 }, () => ({ oid: 'a'.repeat(64), size: 1 })),
      },
      413,
    ],
  ])('refuses %s', async (_, body, status) => {
    const repo = await newRepo();
    const answer = await repo.batch(body);
    expect(answer.status, answer.text).toBe(status);
    expect(answer.json()).toMatchObject({ message: expect.any(String) as string });
  });

  test.each([undefined, null, {}, { name: '' }, { name: 'refs/heads/main' }])(
    'takes the ref %j',
    async (ref) => {
      const repo = await newRepo();
      expect((await repo.batch({ operation: 'upload', objects: [], ref })).status).toBe(200);
    },
  );

  test('takes what clients send beside: no objects, unknown transfers, the other spelling of the hash', async () => {
    const repo = await newRepo();
    for (const more of [
      {},
      { transfers: [] },
      { transfers: ['ssh', 'lfs-standalone-file'] },
      { hash_algo: 'sha_256' },
      { extra: 1 },
    ]) {
      const answer = await repo.batch({ operation: 'upload', objects: [], ...more });
      expect([answer.status, answer.json()]).toMatchObject([200, { transfer: 'basic', objects: [] }]);
    }
  });

  test('refuses other media types', async () => {
    const repo = await newRepo();
    const send = (headers: Readonly<Record<string, string>>) =>
      hub.send('POST', `/${repo.name}.git/info/lfs/objects/batch`, {
        token: `hf_${'owner'.padEnd(30, '0')}`,
        body: Buffer.from('{"operation":"download","objects":[]}'),
        headers,
      });
    const type = { 'content-type': 'application/vnd.git-lfs+json' };
    expect((await send({ ...type, accept: 'text/html' })).status).toBe(406);
    expect((await send({ 'content-type': 'text/plain' })).status).toBe(415);
    for (const accept of ['application/vnd.git-lfs+json; charset=utf-8', '*/*', 'application/json']) {
      expect((await send({ ...type, accept })).status).toBe(200);
    }
  });

  test('judges each object on its own', async () => {
    const repo = await newRepo();
    const oid = sha256Of(Buffer.from('x'));
    const good = { oid: sha256Of(Buffer.from('good')), size: 4 };
    const wrong = [
      { oid: 'A'.repeat(64), size: 1 },
      { oid: oid.slice(1), size: 1 },
      { oid: `sha256:${oid}`, size: 1 },
      { oid: '../../x', size: 1 },
      { oid: 1, size: 1 },
      { size: 1 },
      { oid, size: -1 },
      { oid: sha256Of(Buffer.from('y')), size: 1.5 },
      { oid: sha256Of(Buffer.from('z')), size: '5' },
      { oid: sha256Of(Buffer.from('w')), size: 2 ** 63 },
      { oid: sha256Of(Buffer.from('v')) },
      // An empty object has one name only.
      { oid: sha256Of(Buffer.from('u')), size: 0 },
      // One name with two sizes.
      { oid: sha256Of(Buffer.from('t')), size: 1 },
      { oid: sha256Of(Buffer.from('t')), size: 2 },
    ];
    const objects = objectsOf(await repo.batch({ operation: 'upload', objects: [...wrong, good] }));
    expect(objects.map(({ error }) => error?.code)).toEqual([...wrong.map(() => 422), undefined]);
    expect(objects.at(-1)).toMatchObject(good);
    const [tooLarge] = objectsOf(
      await repo.batch({ operation: 'upload', objects: [{ oid, size: 41 * 1024 * 1024 }] }),
    );
    expect(tooLarge).toMatchObject({ error: { code: 413 } });
    expect(tooLarge?.actions).toBeUndefined();
  });

  test('of a download with another size than the object has is refused', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(1000);
    await repo.uploadLfs(bytes);
    for (const operation of ['download', 'upload']) {
      const [object] = objectsOf(
        await repo.batch({ operation, objects: [{ oid: sha256Of(bytes), size: 999 }] }),
      );
      expect([operation, object?.error?.code]).toEqual([operation, 422]);
    }
  });

  test('offers Xet to those who can, and only what they are to send', async () => {
    const repo = await newRepo();
    const [held, fresh] = [randomBytes(1000), randomBytes(12 * 1024 * 1024)];
    await repo.uploadLfs(held);
    const objects = [held, fresh].map((bytes) => ({ oid: sha256Of(bytes), size: bytes.length }));
    const before = (await hub.snapshot()).rows['uploads'];
    const answer = await repo.batch({
      operation: 'upload',
      transfers: ['basic', 'multipart', 'xet'],
      objects,
    });
    expect(answer.json()['transfer']).toBe('xet');
    const [first, second] = objectsOf(answer);
    expect(first?.actions).toBeUndefined();
    const upload = second?.actions?.['upload'];
    expect(upload?.header).toMatchObject({
      'X-Xet-Cas-Url': expect.stringMatching(new RegExp(`^${hub.url}/xet/[0-9a-f]{24}$`)) as string,
      'X-Xet-Access-Token': expect.stringMatching(/^xet_/) as string,
      'X-Xet-Token-Expiration': expect.stringMatching(/^\d{10}$/) as string,
      'X-Xet-Session-Id': expect.any(String) as string,
    });
    const refreshed = await hub.send('GET', pathOf(upload?.href), { token: `hf_${'owner'.padEnd(30, '0')}` });
    expect(refreshed.status).toBe(200);
    // No upload in parts is begun that nobody will go on with.
    expect((await hub.snapshot()).rows['uploads']).toBe(before);
  });
});

describe('an object in one piece', () => {
  test('is stored once, seen once it is confirmed, and sent as it was', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(2_000_000);
    await repo.uploadLfs(bytes);
    await repo.commit([lfsLine('m.bin', bytes)]);
    expect((await repo.resolve('main', 'm.bin')).body.equals(bytes)).toBe(true);
    const verify = (size: number, oid: string = sha256Of(bytes)) =>
      hub.send('POST', `/${repo.name}.git/info/lfs/verify`, {
        token: `hf_${'owner'.padEnd(30, '0')}`,
        body: { oid, size, extra: 1 },
      });
    expect((await verify(bytes.length)).status).toBe(200);
    expect((await verify(bytes.length + 1)).status).toBe(422);
    expect((await verify(1, 'a'.repeat(64))).status).toBe(404);
    expect((await verify(1, 'nonsense')).status).toBe(422);
  });

  test('is confirmed by the link that was given out for it, without credentials', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(1000);
    const { actions } = await repo.batchOne('upload', bytes);
    const verify = (size: number, oid: string = sha256Of(bytes)) =>
      hub.send('POST', pathOf(actions?.['verify']?.href), {
        body: Buffer.from(JSON.stringify({ oid, size })),
        headers: { 'content-type': 'application/vnd.git-lfs+json' },
      });
    expect((await verify(bytes.length)).status).toBe(404);
    expect((await put(actions?.['upload']?.href, bytes)).status).toBe(200);
    expect((await verify(bytes.length)).status).toBe(200);
    expect((await verify(bytes.length + 1)).status).toBe(422);
    expect((await verify(bytes.length, 'a'.repeat(64))).status).toBe(403);
  });

  test('may be empty', async () => {
    const repo = await newRepo();
    const bytes = Buffer.alloc(0);
    await repo.uploadLfs(bytes);
    await repo.commit([lfsLine('empty.bin', bytes)]);
    const { status, body, headers } = await repo.resolve('main', 'empty.bin');
    expect([status, body.length, headers.etag]).toEqual([200, 0, `"${sha256Of(bytes)}"`]);
    expect((await repo.resolve('main', 'empty.bin', { range: 'bytes=0-0' })).headers['content-range']).toBe(
      'bytes */0',
    );
  });

  test.each([
    ['wrong bytes of the right length', (bytes: Buffer) => Buffer.alloc(bytes.length, 1), 422],
    ['fewer bytes', (bytes: Buffer) => bytes.subarray(1), 422],
    ['more bytes', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')]), 413],
  ])('is refused with %s, and nothing is kept', async (_, change, status) => {
    const repo = await newRepo();
    const bytes = randomBytes(300_000);
    const href = await uploadHref(repo, bytes);
    await expectNothingStored(hub, async () => {
      expect((await put(href, change(bytes))).status).toBe(status);
    });
    expect((await put(href, bytes)).status).toBe(200);
  });

  test('needs its length beforehand, and no encoding', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(1000);
    const href = await uploadHref(repo, bytes);
    const chunked = `PUT ${href} HTTP/1.1\r\nHost: ${hub.host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
    expect(await hub.raw(chunked)).toMatch(/^HTTP\/1\.1 411 /);
    expect((await put(href, bytes, { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  test('that breaks off leaves nothing', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(3_000_000);
    const href = await uploadHref(repo, bytes);
    await expectNothingStored(hub, async () => {
      await new Promise<void>((done) => {
        const socket = connect(Number(hub.host.split(':')[1]), '127.0.0.1', () => {
          socket.write(
            `PUT ${href} HTTP/1.1\r\nHost: ${hub.host}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
          );
          socket.write(bytes.subarray(0, 2_000_000), () => setTimeout(() => socket.destroy(), 50));
        });
        socket.on('close', () => done());
      });
      await new Promise((done) => setTimeout(done, 100));
    });
  });

  test('may be sent again, but never changed', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(10_000);
    const href = await uploadHref(repo, bytes);
    expect((await put(href, bytes)).status).toBe(200);
    expect((await put(href, bytes)).status).toBe(200);
    await expectNothingStored(hub, async () => {
      expect((await put(href, Buffer.alloc(bytes.length))).status).toBe(422);
    });
    await repo.commit([lfsLine('m.bin', bytes)]);
    expect((await repo.resolve('main', 'm.bin')).body.equals(bytes)).toBe(true);
  });

  test('is stored once, however many send it at once', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(400_000);
    const href = await uploadHref(repo, bytes);
    const before = (await storedLarge()).length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => put(href, bytes)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(await storedLarge()).toHaveLength(before + 1);
  });

  test('is sent only by the link that was made for it, in time', async () => {
    const repo = await newRepo();
    const [one, two] = [randomBytes(1000), randomBytes(1000)];
    const href = await uploadHref(repo, one);
    expect((await put(href, two)).status).toBe(422);
    const altered = href.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    expect((await put(altered, one)).status).toBe(403);
    for (const wrong of ['x', 'x.y', 'e30.e30', `${href.slice('/api/lfs/objects/'.length)}.x`]) {
      expect((await put(`/api/lfs/objects/${wrong}`, one)).status).toBe(403);
    }
    await repo.uploadLfs(two);
    const download = pathOf((await repo.batchOne('download', two)).actions?.['download']?.href);
    expect((await hub.send('GET', download)).status).toBe(200);
    // A link for one thing is worth nothing for another.
    expect((await put(download, two)).status).toBe(403);
    expect((await hub.send('GET', href)).status).toBe(403);
    hub.advance(25 * HOUR_MS);
    expect((await put(href, one)).status).toBe(410);
    expect((await hub.send('GET', download)).status).toBe(410);
  });
});

interface Parts {
  readonly complete: string;
  readonly hrefs: readonly string[];
  readonly partBytes: number;
}

async function planParts(repo: RepoClient, bytes: Buffer): Promise<Parts> {
  const { actions } = await repo.batchOne('upload', bytes, ['basic', 'multipart']);
  const upload = actions?.['upload'];
  const { chunk_size: size = '0', ...hrefs } = upload?.header ?? {};
  return {
    complete: pathOf(upload?.href),
    hrefs: Object.keys(hrefs)
      .sort()
      .map((key) => pathOf(hrefs[key])),
    partBytes: Number(size),
  };
}

const partOf = (bytes: Buffer, { partBytes }: Parts, index: number): Buffer =>
  bytes.subarray(index * partBytes, (index + 1) * partBytes);

async function putParts(bytes: Buffer, parts: Parts): Promise<{ partNumber: number; etag: string }[]> {
  const done: { partNumber: number; etag: string }[] = [];
  for (const [index, href] of parts.hrefs.entries()) {
    const answer = await put(href, partOf(bytes, parts, index));
    expect(answer.status, answer.text).toBe(200);
    done.push({ partNumber: index + 1, etag: String(answer.headers.etag) });
  }
  return done;
}

const complete = (parts: Parts, body: object): Promise<Answer> =>
  hub.send('POST', parts.complete, {
    body: Buffer.from(JSON.stringify(body)),
    headers: { 'content-type': 'application/vnd.git-lfs+json' },
  });

describe('an object in parts', () => {
  const bytes = randomBytes(2 * PART + 12_345);
  const oid = sha256Of(bytes);

  test('is planned in parts of the right number, in order', async () => {
    const repo = await newRepo();
    const answer = await repo.batch({
      operation: 'upload',
      transfers: ['basic', 'multipart'],
      objects: [{ oid, size: bytes.length }],
    });
    expect(answer.json()['transfer']).toBe('multipart');
    const header = objectsOf(answer)[0]?.actions?.['upload']?.header ?? {};
    expect(Object.keys(header)).toEqual(['chunk_size', '00001', '00002', '00003']);
    expect(header['chunk_size']).toBe(String(PART));
    const small = await repo.batchOne('upload', randomBytes(1000), ['basic', 'multipart']);
    expect(small.actions?.['upload']?.header).toBeUndefined();
    const unable = await repo.batchOne('upload', bytes, ['basic']);
    expect(unable.actions?.['upload']?.header).toBeUndefined();
  });

  test('takes those beside it along as one part each, for a batch has one way of transfer', async () => {
    const repo = await newRepo();
    const short = randomBytes(1000);
    const nothing = Buffer.alloc(0);
    const answer = await repo.batch({
      operation: 'upload',
      transfers: ['multipart', 'basic'],
      objects: [short, bytes, nothing].map((each) => ({ oid: sha256Of(each), size: each.length })),
    });
    expect(answer.json()['transfer']).toBe('multipart');
    const [one, , none] = objectsOf(answer);
    for (const [object, partCount] of [
      [one, 1],
      [none, 0],
    ] as const) {
      const { href, header = {} } = object?.actions?.['upload'] ?? { href: '' };
      expect(Object.keys(header)).toEqual(['chunk_size', '00001'].slice(0, 1 + partCount));
      const finish = (parts: readonly object[]) =>
        hub.send('POST', pathOf(href), {
          body: Buffer.from(JSON.stringify({ oid: object?.oid, parts })),
          headers: { 'content-type': 'application/vnd.git-lfs+json' },
        });
      const parts: object[] = [];
      if (partCount > 0) {
        expect((await finish([{ partNumber: 1, etag: object?.oid ?? '' }])).status).toBe(404);
        const sent = await put(header['00001'], short);
        parts.push({ partNumber: 1, etag: sent.headers.etag });
      }
      for (const wrong of [[...parts, { partNumber: 2, etag: 'x' }], [{ partNumber: 1, etag: 'x' }]])
        expect((await finish(wrong)).status).toBe(400);
      expect((await finish(parts)).status).toBe(200);
      expect((await finish(parts)).status).toBe(200);
    }
    await repo.commit([lfsLine('short.bin', short), lfsLine('nothing.bin', nothing)]);
    expect((await repo.resolve('main', 'short.bin')).body.equals(short)).toBe(true);
    expect((await repo.resolve('main', 'nothing.bin')).body).toHaveLength(0);
  });

  test('is put together, proved and then seen; its parts are gone', async () => {
    const repo = await newRepo();
    const before = await hub.snapshot();
    const parts = await planParts(repo, bytes);
    // In any order, and one of them twice.
    const last = await put(parts.hrefs[2], partOf(bytes, parts, 2));
    expect(last.status).toBe(200);
    const done = await putParts(bytes, parts);
    expect(done[2]?.etag).toBe(last.headers.etag);
    expect((await complete(parts, { oid, parts: done, extra: 1 })).status).toBe(200);
    await repo.commit([lfsLine('m.bin', bytes)]);
    expect((await repo.resolve('main', 'm.bin')).body.equals(bytes)).toBe(true);
    const { files, rows } = await hub.snapshot();
    expect(Object.keys(files).filter((path) => path.includes('uploads/'))).toEqual([]);
    expect([rows['uploads'], rows['upload_parts']]).toEqual([
      before.rows['uploads'],
      before.rows['upload_parts'],
    ]);
  });

  test('goes on where it was left', async () => {
    const repo = await newRepo();
    const fresh = randomBytes(2 * PART);
    const first = await planParts(repo, fresh);
    const kept = await put(first.hrefs[0], partOf(fresh, first, 0));
    const second = await planParts(repo, fresh);
    const sent = await put(second.hrefs[1], partOf(fresh, second, 1));
    const parts = [kept, sent].map(({ headers }, index) => ({
      partNumber: index + 1,
      etag: String(headers.etag),
    }));
    expect((await complete(second, { oid: sha256Of(fresh), parts })).status).toBe(200);
  });

  test('has its time anew when it is resumed, and tells which parts are there', async () => {
    const repo = await newRepo();
    const fresh = randomBytes(2 * PART);
    const first = await planParts(repo, fresh);
    const kept = await put(first.hrefs[0], partOf(fresh, first, 0));
    for (let hours = 0; hours < 60; hours += 20) {
      hub.advance(20 * HOUR_MS);
      const again = await planParts(repo, fresh);
      const there = await hub.send('HEAD', again.hrefs[0] ?? '');
      expect([there.status, there.headers.etag]).toEqual([200, kept.headers.etag]);
      expect((await hub.send('GET', again.hrefs[1] ?? '')).status).toBe(404);
    }
    // The first link ran out all the same.
    expect((await hub.send('GET', first.hrefs[0] ?? '')).status).toBe(410);
  });

  test('is no place for pieces of a body', async () => {
    const repo = await newRepo();
    const whole = randomBytes(1000);
    const href = await uploadHref(repo, whole);
    const headers = { 'content-range': 'bytes 0-499/1000' };
    await expectNothingStored(hub, async () => {
      expect((await put(href, whole.subarray(0, 500), headers)).status).toBe(400);
      expect((await put(href, whole, headers)).status).toBe(400);
    });
  });

  test('is completed once, however often that is asked', async () => {
    const repo = await newRepo();
    const fresh = randomBytes(PART + 1000);
    const parts = await planParts(repo, fresh);
    const done = await putParts(fresh, parts);
    const body = { oid: sha256Of(fresh), parts: done };
    const before = (await storedLarge()).length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => complete(parts, body)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await storedLarge()).toHaveLength(before + 1);
    expect((await complete(parts, body)).status).toBe(200);
    // What was an upload is none any more.
    expect((await put(parts.hrefs[0], partOf(fresh, parts, 0))).status).toBe(404);
  });

  test('with wrong bytes is refused, and has to begin anew', async () => {
    const repo = await newRepo();
    const fresh = randomBytes(PART + 1000);
    const before = await hub.snapshot();
    const parts = await planParts(repo, fresh);
    const done = await putParts(Buffer.alloc(fresh.length, 7), parts);
    expect((await complete(parts, { oid: sha256Of(fresh), parts: done })).status).toBe(422);
    expect(await hub.snapshot()).toEqual(before);
    expect((await complete(parts, { oid: sha256Of(fresh), parts: done })).status).toBe(404);
    const again = await planParts(repo, fresh);
    expect(
      (await complete(again, { oid: sha256Of(fresh), parts: await putParts(fresh, again) })).status,
    ).toBe(200);
  });

  test('takes parts of the planned number and size only', async () => {
    const repo = await newRepo();
    const fresh = randomBytes(PART + 1000);
    const parts = await planParts(repo, fresh);
    const base = parts.hrefs[0]?.replace(/1$/, '') ?? '';
    for (const number of ['0', '3', '-1', '1.5', '10001', 'x', '%20', '1e0', '0x1', '01']) {
      expect([number, (await put(`${base}${number}`, partOf(fresh, parts, 0))).status]).toEqual([
        number,
        400,
      ]);
    }
    expect((await put(parts.hrefs[0], partOf(fresh, parts, 0).subarray(1))).status).toBe(400);
    expect((await put(parts.hrefs[1], partOf(fresh, parts, 0))).status).toBe(413);
    const altered = base.replace(/.\/$/, (end) => (end === 'A/' ? 'B/' : 'A/'));
    expect((await put(`${altered}1`, partOf(fresh, parts, 0))).status).toBe(403);
  });

  test('is completed only with all parts, in order, by their tags', async () => {
    const repo = await newRepo();
    const fresh = randomBytes(2 * PART);
    const own = sha256Of(fresh);
    const parts = await planParts(repo, fresh);
    const [first] = [await put(parts.hrefs[0], partOf(fresh, parts, 0))].map(({ headers }) => ({
      partNumber: 1,
      etag: String(headers.etag),
    }));
    if (!first) throw new Error('no part');
    const missing = await complete(parts, { oid: own, parts: [first, { partNumber: 2, etag: first.etag }] });
    expect(missing.status).toBe(400);
    const done = await putParts(fresh, parts);
    const [a, b] = done as [{ partNumber: number; etag: string }, { partNumber: number; etag: string }];
    const wrong: readonly (readonly [object, number])[] = [
      [{ oid: own, parts: [] }, 400],
      [{ oid: own, parts: [a] }, 400],
      [{ oid: own, parts: [b, a] }, 400],
      [{ oid: own, parts: [a, a] }, 400],
      [{ oid: own, parts: [a, b, { partNumber: 3, etag: a.etag }] }, 400],
      [{ oid: own, parts: [a, { ...b, partNumber: 0 }] }, 400],
      [{ oid: own, parts: [a, { ...b, partNumber: 2.5 }] }, 400],
      [{ oid: own, parts: [a, { ...b, etag: 'wrong' }] }, 400],
      [{ oid: own, parts: [a, { ...b, etag: '' }] }, 400],
      [{ oid: own, parts: [a, { ...b, etag: 'x'.repeat(10_000) }] }, 400],
      [{ oid: own, parts: [a, { ...b, etag: null }] }, 400],
      [{ oid: own, parts: {} }, 400],
      [{ oid: own }, 400],
      [{ oid: sha256Of(Buffer.from('x')), parts: done }, 403],
    ];
    for (const [body, status] of wrong)
      expect([body, (await complete(parts, body)).status]).toEqual([body, status]);
    const unquoted = done.map((part) => ({
      partNumber: String(part.partNumber),
      etag: part.etag.replaceAll('"', ''),
    }));
    expect((await complete(parts, { oid: own, parts: unquoted })).status).toBe(200);
  });

  test('runs out, and is swept', async () => {
    const repo = await newRepo();
    const fresh = randomBytes(PART + 1000);
    const parts = await planParts(repo, fresh);
    await put(parts.hrefs[0], partOf(fresh, parts, 0));
    hub.advance(25 * HOUR_MS);
    expect((await put(parts.hrefs[1], partOf(fresh, parts, 1))).status).toBe(410);
    expect((await complete(parts, { oid: sha256Of(fresh), parts: [] })).status).toBe(410);
  });
});

describe('between repositories', () => {
  test('an object is known by its bytes, never by its name', async () => {
    const [mine, yours] = [await newRepo(), await createRepo(hub, 'stranger/l', { person: 'stranger' })];
    const secret = randomBytes(5000);
    await mine.uploadLfs(secret);
    await mine.commit([lfsLine('secret.bin', secret)]);
    const name = { oid: sha256Of(secret), size: secret.length };

    const [download] = objectsOf(await yours.batch({ operation: 'download', objects: [name] }));
    expect(download?.error?.code).toBe(404);
    // It is to be uploaded as if the hub had never seen it.
    const upload = await yours.batchOne('upload', secret);
    expect(upload.actions?.['upload']).toBeDefined();
    expect((await put(upload.actions?.['upload']?.href, Buffer.alloc(secret.length))).status).toBe(422);
    const verify = await hub.send('POST', '/stranger/l.git/info/lfs/verify', {
      token: `hf_${'stranger'.padEnd(30, '0')}`,
      body: name,
    });
    expect(verify.status).toBe(404);

    // Whoever has the bytes may use them, and they are stored once.
    const before = (await storedLarge()).length;
    await yours.uploadLfs(secret);
    expect(await storedLarge()).toHaveLength(before);
    await yours.commit([lfsLine('own.bin', secret)]);
    expect((await yours.resolve('main', 'own.bin')).body.equals(secret)).toBe(true);
  });

  test('a link of one is worth nothing for another, even after rights were lost', async () => {
    const repo = await createRepo(hub, 'owner/hidden', { isPrivate: true });
    const bytes = randomBytes(1000);
    await repo.uploadLfs(bytes);
    await repo.commit([lfsLine('m.bin', bytes)]);
    const href = pathOf((await repo.batchOne('download', bytes)).actions?.['download']?.href);
    expect((await hub.send('GET', href)).status).toBe(200);
    const stranger = repoClient(hub, repo.name, 'stranger');
    expect((await stranger.batch({ operation: 'download', objects: [] })).status).toBe(404);
    await hub.send('DELETE', '/api/repos/delete', {
      token: `hf_${'owner'.padEnd(30, '0')}`,
      body: { name: repo.name },
    });
    expect((await hub.send('GET', href)).status).toBe(404);
  });

  test('an object that was uploaded and never committed is forgotten in time', async () => {
    const repo = await newRepo();
    const bytes = randomBytes(1000);
    await repo.uploadLfs(bytes);
    hub.advance(25 * HOUR_MS);
    expect((await repo.batchOne('download', bytes)).error?.code).toBe(404);
    expect((await repo.batchOne('upload', bytes)).actions?.['upload']).toBeDefined();
  });
});

// The last, for what others count changes while these are looked through for chunks.
describe('large objects', () => {
  test('are proved, however many come at once', async () => {
    const repo = await newRepo();
    const sizes = [1, 2, 3, 4, 5, 6, 7].map((number) => 4 * MIB + number * 300_001);
    const objects = sizes.map((size) => randomBytes(size));
    const results = await Promise.all(
      objects.map(async (bytes, index) => {
        const href = await uploadHref(repo, bytes);
        if (index % 3 === 0) return (await put(href, bytes)).status;
        const wrong = Buffer.from(bytes);
        const at = index % 3 === 1 ? 0 : bytes.length - 1;
        wrong[at] = (wrong[at] ?? 0) ^ 1;
        return (await put(href, wrong)).status;
      }),
    );
    expect(results).toEqual([200, 422, 422, 200, 422, 422, 200]);
    for (const index of [0, 3, 6]) {
      const bytes = objects[index] ?? Buffer.alloc(0);
      const { actions } = await repo.batchOne('download', bytes);
      const { body } = await hub.send('GET', pathOf(actions?.['download']?.href));
      expect(body.equals(bytes)).toBe(true);
    }
    const again = objects[1] ?? Buffer.alloc(0);
    expect((await put(await uploadHref(repo, again), again)).status).toBe(200);
  });
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
