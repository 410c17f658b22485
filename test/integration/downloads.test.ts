import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  blobIdOf,
  buildXetUpload,
  createRepo,
  fileLine,
  lfsLine,
  sha256Of,
  startPeopledHub,
  type RepoClient,
} from '../support/scenario.ts';

/* What `resolve` and `raw` answer about each form in which the bytes of a file may be held. */

const POINTER_VERSION = 'version https://git-lfs.github.com/spec/v1';
const FORMS = ['regular', 'lfs', 'xet'] as const;
type Form = (typeof FORMS)[number];

const contents: Readonly<Record<Form, Buffer>> = {
  regular: Buffer.from('A regular file of git.\n'.repeat(100)),
  lfs: randomBytes(300_000),
  xet: Buffer.concat([randomBytes(200_000), Buffer.alloc(100_000, 'x')]),
};
const pathOf = (form: Form): string => `files/${form}.bin`;
const pointerOf = (form: Form): string =>
  `${POINTER_VERSION}\noid sha256:${sha256Of(contents[form])}\nsize ${contents[form].length}\n`;

let hub: TestHub;
let repo: RepoClient;
let commit: string;
let xetHash: string;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/m1');
  await repo.uploadLfs(contents.lfs);
  const upload = await buildXetUpload(contents.xet);
  await repo.uploadXet(upload);
  xetHash = upload.fileHash;
  commit = await repo.commit([
    fileLine(pathOf('regular'), contents.regular),
    lfsLine(pathOf('lfs'), contents.lfs),
    lfsLine(pathOf('xet'), contents.xet),
    fileLine('empty', ''),
    fileLine('README.md', '# Card\n'),
    fileLine('page.html', '<script>alert(1)</script>'),
    fileLine('picture.svg', '<svg onload="alert(1)"/>'),
    fileLine('日本語/a b+c#d?e&f%20".txt', 'odd'),
  ]);
});
afterAll(() => hub[Symbol.asyncDispose]());

describe.each(FORMS)('a file held in the %s form', (form) => {
  const whole = contents[form];
  const etag = form === 'regular' ? blobIdOf(whole) : sha256Of(whole);
  const get = (headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Answer> =>
    repo.resolve('main', pathOf(form), headers, method);

  test('comes whole, with the headers that clients rely on', async () => {
    const { status, headers, body } = await get();
    expect(status).toBe(200);
    expect(body.equals(whole)).toBe(true);
    expect(headers).toMatchObject({
      'x-repo-commit': commit,
      etag: `"${etag}"`,
      'content-length': String(whole.length),
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
    });
    expect(headers['x-linked-size']).toBe(form === 'regular' ? undefined : String(whole.length));
    expect(headers['x-linked-etag']).toBe(form === 'regular' ? undefined : `"${etag}"`);
    expect(headers['x-xet-hash']).toBe(form === 'xet' ? xetHash : undefined);
    expect(headers['content-encoding']).toBeUndefined();
    expect(headers['location']).toBeUndefined();
    expect(headers['content-disposition']).toMatch(/^(inline|attachment); filename\*=UTF-8''/);
  });

  test('answers HEAD exactly as GET, without the bytes', async () => {
    for (const asked of [
      {},
      { range: 'bytes=5-9' },
      { 'if-none-match': `"${etag}"` },
      { range: 'bytes=999999999-' },
    ]) {
      const [got, head] = [await get(asked), await get(asked, 'HEAD')];
      expect(head.body).toHaveLength(0);
      const plain = ({ status, headers: { date: _date, 'x-request-id': _id, ...headers } }: Answer) => ({
        status,
        headers,
      });
      const withoutLength = (answer: Answer) => ({
        ...plain(answer),
        headers: { ...plain(answer).headers, 'content-length': '' },
      });
      // The sentence of a refusal has the id of the request in it, which has one length. A HEAD has none, and does not
      // say that it is JSON.
      if (got.status >= 400) {
        expect(got.headers['content-type']).toMatch(/^application\/json/);
        expect(head.headers['content-type']).toBeUndefined();
        delete got.headers['content-type'];
      }
      expect(withoutLength(head)).toEqual(withoutLength(got));
      expect(head.headers['content-length']).toBe(got.headers['content-length']);
    }
  });

  test('comes in ranges', async () => {
    const size = whole.length;
    const cases: readonly (readonly [string, number, number])[] = [
      ['bytes=0-0', 0, 1],
      ['bytes=0-100000', 0, Math.min(size, 100_001)],
      ['bytes=10-19', 10, 20],
      ['BYTES=10-19', 10, 20],
      [`bytes=${size - 1}-`, size - 1, size],
      ['bytes=-7', size - 7, size],
      [`bytes=-${size * 2}`, 0, size],
      [
        `bytes=${Math.floor(size / 3)}-${Math.floor((2 * size) / 3)}`,
        Math.floor(size / 3),
        Math.floor((2 * size) / 3) + 1,
      ],
      ['bytes=1-99999999999999', 1, size],
    ];
    for (const [range, start, end] of cases) {
      const { status, headers, body } = await get({ range });
      expect([range, status, headers['content-range']]).toEqual([
        range,
        206,
        `bytes ${start}-${end - 1}/${size}`,
      ]);
      expect(body.equals(whole.subarray(start, end)), range).toBe(true);
      expect(headers.etag).toBe(`"${etag}"`);
      expect(headers['x-repo-commit']).toBe(commit);
    }
  });

  test('comes whole for a range that is none, for several, and for one of another version', async () => {
    for (const headers of [
      { range: 'bytes=abc' },
      { range: 'items=0-1' },
      { range: 'bytes=5-2' },
      { range: 'bytes=0-1,3-4' },
      { range: 'bytes=0-1', 'if-range': '"other"' },
      { range: 'bytes=0-1', 'if-range': `W/"${etag}"` },
    ]) {
      const { status, body } = await get(headers);
      expect([headers, status, body.length]).toEqual([headers, 200, whole.length]);
    }
    const same = await get({ range: 'bytes=0-1', 'if-range': `"${etag}"` });
    expect([same.status, same.body.length]).toEqual([206, 2]);
  });

  test('has no bytes behind its end', async () => {
    for (const range of [`bytes=${whole.length}-`, 'bytes=99999999999999999999-', 'bytes=-0']) {
      const { status, headers } = await get({ range });
      expect([range, status, headers['content-range']]).toEqual([range, 416, `bytes */${whole.length}`]);
    }
  });

  test('is not sent to who has it', async () => {
    for (const asked of [`"${etag}"`, `W/"${etag}"`, '*', `"other", "${etag}"`]) {
      const { status, headers, body } = await get({ 'if-none-match': asked });
      expect([asked, status, body.length]).toEqual([asked, 304, 0]);
      expect(headers.etag).toBe(`"${etag}"`);
      expect(headers['x-repo-commit']).toBe(commit);
    }
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200);
    expect((await get({ 'if-none-match': etag })).status).toBe(200);
  });

  test('is sent only as the version that is asked for', async () => {
    for (const asked of [`"${etag}"`, '*', `"other", "${etag}"`])
      expect([asked, (await get({ 'if-match': asked })).status]).toEqual([asked, 200]);
    for (const asked of ['"other"', `W/"${etag}"`, etag, '']) {
      const { status, headers } = await get({ 'if-match': asked, range: 'bytes=0-1' });
      expect([asked, status, headers['x-error-code']]).toEqual([asked, 412, 'PreconditionFailed']);
    }
  });

  test('is what git keeps under /raw/', async () => {
    const { status, body, headers } = await hub.send('GET', `/owner/m1/raw/main/${pathOf(form)}`);
    const expected = form === 'regular' ? whole : Buffer.from(pointerOf(form));
    expect(status).toBe(200);
    expect(body.equals(expected)).toBe(true);
    expect(headers.etag).toBe(`"${blobIdOf(expected)}"`);
    expect(headers['x-linked-size']).toBeUndefined();
    const part = await hub.send('GET', `/owner/m1/raw/main/${pathOf(form)}`, {
      headers: { range: 'bytes=2-5' },
    });
    expect([part.status, part.body.equals(expected.subarray(2, 6))]).toEqual([206, true]);
  });

  test('is listed with ids that the bytes prove', async () => {
    const listed = await repo.api('POST', 'paths-info/main', {
      body: { paths: [pathOf(form)], expand: true },
    });
    const [entry] = listed.json<Record<string, unknown>[]>();
    const pointer = Buffer.from(pointerOf(form));
    expect(entry).toEqual({
      type: 'file',
      path: pathOf(form),
      size: whole.length,
      oid: blobIdOf(form === 'regular' ? whole : pointer),
      ...(form === 'regular' ? {} : { lfs: { oid: etag, size: whole.length, pointerSize: pointer.length } }),
      ...(form === 'xet' ? { xetHash } : {}),
      lastCommit: { id: commit, title: 'a change', date: expect.stringMatching(/^\d{4}-.*Z$/) as string },
      securityFileStatus: null,
    });
  });

  test('is downloaded by git-lfs, in ranges too', async () => {
    if (form === 'regular') return;
    const { actions } = await repo.batchOne('download', whole);
    const href = (actions?.['download']?.href ?? '').replace(hub.url, '');
    const all = await hub.send('GET', href);
    expect([all.status, all.body.equals(whole), all.headers.etag]).toEqual([200, true, `"${etag}"`]);
    const part = await hub.send('GET', href, { headers: { range: 'bytes=70000-140000' } });
    expect([part.status, part.body.equals(whole.subarray(70_000, 140_001))]).toEqual([206, true]);
  });
});

describe('the Xet form', () => {
  test('tells where its token and its chunks are', async () => {
    const { headers } = await repo.resolve('main', pathOf('xet'), {}, 'HEAD');
    const [, token = '', info = ''] =
      /^<([^>]+)>; rel="xet-auth", <([^>]+)>; rel="xet-reconstruction-info"$/.exec(String(headers['link'])) ??
      [];
    expect(token).toBe(`${hub.url}/api/models/owner/m1/xet-read-token/${commit}`);
    const granted = await hub.send('GET', token.replace(hub.url, ''));
    expect(granted.status).toBe(200);
    const { casUrl, accessToken, exp } = granted.json<{ casUrl: string; accessToken: string; exp: number }>();
    expect(granted.headers).toMatchObject({
      'x-xet-cas-url': casUrl,
      'x-xet-access-token': accessToken,
      'x-xet-token-expiration': String(exp),
    });
    expect(info).toBe(`${casUrl}/v1/reconstructions/${xetHash}`);
    expect((await hub.send('GET', info.replace(hub.url, ''), { token: accessToken })).status).toBe(200);
  });

  test('is told as JSON to a client that asks for that', async () => {
    const accept = 'application/vnd.xet-fileinfo+json, */*';
    const { status, headers, text } = await repo.resolve('main', pathOf('xet'), {
      accept,
      range: 'bytes=0-0',
    });
    expect([status, headers['content-type']]).toEqual([200, 'application/vnd.xet-fileinfo+json']);
    expect(headers).toMatchObject({ 'x-xet-hash': xetHash, 'x-linked-size': String(contents.xet.length) });
    expect(JSON.parse(text)).toEqual({ hash: xetHash, size: contents.xet.length });
    const regular = await repo.resolve('main', pathOf('regular'), { accept, range: 'bytes=0-0' });
    expect([regular.status, regular.headers['content-range']]).toEqual([
      206,
      `bytes 0-0/${contents.regular.length}`,
    ]);
  });
});

describe('an empty file', () => {
  test('is sent whole, and its first byte is not there', async () => {
    const { status, headers, body } = await repo.resolve('main', 'empty');
    expect([status, body.length, headers['content-length']]).toEqual([200, 0, '0']);
    expect(headers.etag).toBe(`"${blobIdOf(Buffer.alloc(0))}"`);
    const first = await repo.resolve('main', 'empty', { range: 'bytes=0-0' });
    expect([first.status, first.headers['content-range'], first.body.length]).toEqual([200, 'bytes */0', 0]);
    for (const range of ['bytes=0-', 'bytes=1-2', 'bytes=-1']) {
      const refused = await repo.resolve('main', 'empty', { range });
      expect([refused.status, refused.headers['content-range']]).toEqual([416, 'bytes */0']);
    }
  });
});

describe('a file that is not there', () => {
  test.each(['absent.txt', 'files/absent', 'README.md/x', 'files', 'a%252e%252e', '%252e%252e/x', ''])(
    '%j is 404 and names the commit that lacks it',
    async (path) => {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await repo.resolve('main', path, {}, method);
        expect([status, headers['x-error-code'], headers['x-repo-commit']]).toEqual([
          404,
          'EntryNotFound',
          commit,
        ]);
      }
    },
  );

  test.each([
    '..%2f..%2fsecret',
    '%2e%2e/x',
    'a/../b',
    'a//b',
    '%2Fetc%2Fpasswd',
    '.git/config',
    'a%5Cb',
    'a%0Ab',
  ])('%j is no path of a file', async (path) => {
    const { status, headers } = await repo.resolve('main', path);
    expect([status, headers['x-error-code']]).toEqual([400, 'InvalidPath']);
  });
});

describe('content that could act', () => {
  test('is a download, in a sandbox', async () => {
    for (const path of ['page.html', 'picture.svg']) {
      const { headers } = await repo.resolve('main', path);
      expect(headers['content-type']).toBe('application/octet-stream');
      expect(headers['content-disposition']).toMatch(/^attachment;/);
      expect(headers['content-security-policy']).toContain('sandbox');
      expect(headers['x-frame-options']).toBe('DENY');
    }
    const card = await repo.resolve('main', 'README.md');
    expect(card.headers['content-type']).toBe('text/plain; charset=utf-8');
    const asked = await repo.resolve('main', 'README.md?download=true');
    expect(asked.headers['content-disposition']).toMatch(/^attachment;/);
  });

  test('has a name that every client can read', async () => {
    const path = '日本語/a b+c#d?e&f%20".txt';
    const target = path.split('/').map(encodeURIComponent).join('/');
    for (const written of [target, encodeURIComponent(path)]) {
      const { status, text, headers } = await repo.resolve('main', written);
      expect([status, text]).toEqual([200, 'odd']);
      expect(headers['content-disposition']).toBe(
        `inline; filename*=UTF-8''a%20b%2Bc%23d%3Fe%26f%2520%22.txt; filename="a b+c#d?e&f_20_.txt"`,
      );
    }
    expect(await repo.paths()).toContain(path);
  });
});

describe('how long an answer may be kept', () => {
  test('for good by commit id, and by branch only until it is asked again', async () => {
    expect((await repo.resolve(commit, 'README.md')).headers['cache-control']).toContain('immutable');
    expect((await repo.resolve('main', 'README.md')).headers['cache-control']).toBe('no-cache');
    expect((await repo.resolve(commit.slice(0, 10), 'README.md')).headers['cache-control']).toBe('no-cache');
  });

  test('not at all for what is private', async () => {
    const secret = await createRepo(hub, 'owner/secret', { isPrivate: true });
    const { headers } = await secret.resolve(await secret.head(), '.gitattributes');
    expect(headers['cache-control']).toBe('private, no-store');
  });
});

test('a client that goes away in the middle is no error', async () => {
  const { body } = await repo.resolve('main', pathOf('lfs'));
  expect(body.length).toBe(contents.lfs.length);
  const request = `GET /owner/m1/resolve/main/${pathOf('lfs')} HTTP/1.1\r\nHost: ${hub.host}\r\n\r\n`;
  for (let round = 0; round < 20; round++) {
    await new Promise<void>((done) => {
      const socket = connect(Number(hub.host.split(':')[1]), '127.0.0.1', () => socket.write(request));
      socket.once('data', () => socket.destroy());
      socket.on('close', () => done());
    });
  }
  expect((await repo.resolve('main', pathOf('lfs'))).status).toBe(200);
  expect(hub.loggedErrors()).toEqual([]);
});
