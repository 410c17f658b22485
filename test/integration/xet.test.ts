import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { XetHash } from '../../server/domain/ids.ts';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  lfsLine,
  ndjson,
  repoClient,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';
import {
  buildFile,
  buildShard,
  buildXorb,
  record,
  sample,
  type BuiltFile,
  type BuiltXorb,
} from '../unit/xet/builders.ts';

/* The Xet server: what it takes, what it refuses whoever forges it, and how files come back. */

const HOUR_MS = 3_600_000;

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

let count = 0;
const newRepo = (): Promise<RepoClient> => createRepo(hub, `owner/x${(count += 1)}`);
const pathOf = (href: string): string => href.replace(hub.url, '');
/** A hash that differs in its last digit. */
const otherHash = (hash: string): XetHash =>
  (hash.slice(0, 63) + (hash.endsWith('0') ? '1' : '0')) as XetHash;

async function postXorb(repo: RepoClient, hash: string, bytes: Buffer, prefix = 'default'): Promise<Answer> {
  const { cas, token } = await repo.xetToken();
  return hub.send('POST', `${cas}/v1/xorbs/${prefix}/${hash}`, { token, body: bytes });
}
async function postShard(repo: RepoClient, shard: Buffer): Promise<Answer> {
  const { cas, token } = await repo.xetToken();
  return hub.send('POST', `${cas}/v1/shards`, { token, body: shard });
}
async function reconstruct(
  repo: RepoClient,
  form: 'v1' | 'v2',
  hash: string,
  range?: string,
): Promise<Answer> {
  const { cas, token } = await repo.xetToken('read');
  return hub.send('GET', `${cas}/${form}/reconstructions/${hash}`, {
    token,
    headers: range === undefined ? {} : { range },
  });
}

const chunk = (seed: number, length = 20_000) => sample(seed, length);

describe('tokens', () => {
  test('come in headers and as JSON, for an hour, on the host that was asked', async () => {
    const repo = await newRepo();
    for (const scope of ['read', 'write']) {
      const { status, headers, text } = await repo.api('GET', `xet-${scope}-token/main`);
      const { casUrl, accessToken, exp } = JSON.parse(text) as {
        casUrl: string;
        accessToken: string;
        exp: number;
      };
      expect(status).toBe(200);
      expect(casUrl).toMatch(new RegExp(`^${hub.url}/xet/[0-9a-f]{24}$`));
      expect(exp - Date.now() / 1000).toBeGreaterThan(3000);
      expect(headers).toMatchObject({
        'x-xet-cas-url': casUrl,
        'x-xet-access-token': accessToken,
        'x-xet-token-expiration': String(exp),
        'cache-control': 'no-store',
      });
    }
    // The revision is not looked at: clients send `None`, or the name of a pull request.
    for (const revision of ['None?create_pr=0', 'refs%2Fpr%2F1', 'absent', 'a/b/c']) {
      expect((await repo.api('GET', `xet-write-token/${revision}`)).status).toBe(200);
    }
  });

  test('that only read do not write, and those of one repository open no other', async () => {
    const [repo, other] = [await newRepo(), await newRepo()];
    const upload = await buildXetUpload(chunk(1));
    await repo.uploadXet(upload);
    const { cas, token: read } = await repo.xetToken('read');
    const xorb = await hub.send('POST', `${cas}/v1/xorbs/default/${upload.xorb.hash}`, {
      token: read,
      body: upload.xorb.bytes,
    });
    const shard = await hub.send('POST', `${cas}/v1/shards`, { token: read, body: upload.shard });
    expect([xorb.status, shard.status]).toEqual([403, 403]);
    expect((await reconstruct(repo, 'v2', upload.fileHash)).status).toBe(200);
    expect((await reconstruct(other, 'v2', upload.fileHash)).status).toBe(404);
  });

  test('run out', async () => {
    const repo = await newRepo();
    const upload = await buildXetUpload(chunk(2));
    await repo.uploadXet(upload);
    const { cas, token } = await repo.xetToken('read');
    const ask = () => hub.send('GET', `${cas}/v2/reconstructions/${upload.fileHash}`, { token });
    expect((await ask()).status).toBe(200);
    hub.advance(HOUR_MS + 1000);
    expect((await ask()).status).toBe(401);
  });

  test('of a repository that is gone open nothing', async () => {
    const repo = await newRepo();
    const upload = await buildXetUpload(chunk(3));
    const { cas, token } = await repo.xetToken();
    await hub.send('DELETE', '/api/repos/delete', { token: tokenOf('owner'), body: { name: repo.name } });
    const kept = await hub.send('POST', `${cas}/v1/shards`, { token, body: upload.shard });
    expect(kept.status).toBe(401);
  });
});

describe('a xorb', () => {
  test('is taken once, under either name of its namespace', async () => {
    const repo = await newRepo();
    const { xorb } = await buildXetUpload(chunk(10, 200_000));
    expect((await postXorb(repo, xorb.hash, xorb.bytes)).json()).toEqual({ was_inserted: true });
    expect((await postXorb(repo, xorb.hash, xorb.bytes, 'default-merkledb')).json()).toEqual({
      was_inserted: false,
    });
    expect((await postXorb(repo, xorb.hash, xorb.bytes, 'other')).status).toBe(404);
  });

  test('with a footer is taken without it', async () => {
    const repo = await newRepo();
    const bytes = chunk(11);
    const upload = await buildXetUpload(bytes);
    const footer = Buffer.concat([Buffer.from('XETBLOB'), Buffer.alloc(100, 1)]);
    expect((await postXorb(repo, upload.xorb.hash, Buffer.concat([upload.xorb.bytes, footer]))).status).toBe(
      200,
    );
    expect((await postShard(repo, upload.shard)).status).toBe(200);
    await repo.commit([lfsLine('f.bin', bytes)]);
    expect((await repo.resolve('main', 'f.bin')).body.equals(bytes)).toBe(true);
  });

  test('of many chunks in every compression, sent by many at once, is stored once', async () => {
    const repo = await newRepo();
    const raw = [chunk(12, 65_536), Buffer.alloc(65_536), randomBytes(30_000), chunk(13, 131_072)];
    const variants: BuiltXorb[] = [];
    for (const shift of [0, 1, 2] as const) {
      variants.push(
        await buildXorb(raw.map((one, index) => ({ raw: one, scheme: ((index + shift) % 3) as 0 | 1 | 2 }))),
      );
    }
    const [first] = variants as [BuiltXorb, ...BuiltXorb[]];
    expect(new Set(variants.map(({ hash }) => hash)).size).toBe(1);
    expect(new Set(variants.map(({ bytes }) => sha256Of(bytes))).size).toBe(3);
    const posts = Array.from({ length: 12 }, (_, index) => variants[index % 3] as BuiltXorb);
    const answers = await Promise.all(posts.map(({ hash, bytes }) => postXorb(repo, hash, bytes)));
    expect(answers.filter((answer) => answer.json()['was_inserted'] === true)).toHaveLength(1);
    // Content and index must be of one and the same of them: every chunk comes back.
    const whole = Buffer.concat(raw);
    const file = await buildFile([{ xorb: first, start: 0, end: 4 }], sha256Of(whole));
    expect((await postShard(repo, buildShard([file], [first]))).status).toBe(200);
    await repo.commit([lfsLine('f.bin', whole)]);
    expect((await repo.resolve('main', 'f.bin')).body.equals(whole)).toBe(true);
    expect(
      (await repo.resolve('main', 'f.bin', { range: 'bytes=60000-170000' })).body.equals(
        whole.subarray(60_000, 170_001),
      ),
    ).toBe(true);
  });

  test.each([
    [
      'another name',
      async () => {
        const { xorb } = await buildXetUpload(chunk(20));
        return [otherHash(xorb.hash), xorb.bytes] as const;
      },
    ],
    ['a name that is none', async () => ['nonsense', (await buildXetUpload(chunk(21))).xorb.bytes] as const],
    [
      'a name in capitals',
      async () => {
        const { xorb } = await buildXetUpload(chunk(22));
        return [xorb.hash.toUpperCase(), xorb.bytes] as const;
      },
    ],
    ['nothing in it', async () => ['0'.repeat(64), Buffer.alloc(0)] as const],
    [
      'one byte changed',
      async () => {
        const { xorb } = await buildXetUpload(chunk(23));
        const bytes = Buffer.from(xorb.bytes);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        return [xorb.hash, bytes] as const;
      },
    ],
    [
      'its end cut off',
      async () => {
        const { xorb } = await buildXetUpload(chunk(24));
        return [xorb.hash, xorb.bytes.subarray(0, xorb.bytes.length - 1)] as const;
      },
    ],
    [
      'something behind it',
      async () => {
        const { xorb } = await buildXetUpload(chunk(25));
        return [xorb.hash, Buffer.concat([xorb.bytes, Buffer.from('rubbish that is no chunk')])] as const;
      },
    ],
    [
      'an unknown compression',
      async () => {
        const { xorb } = await buildXetUpload(chunk(26));
        return [xorb.hash, record(chunk(26), 0, { scheme: 9 })] as const;
      },
    ],
    [
      'another version',
      async () => {
        const { xorb } = await buildXetUpload(chunk(27));
        return [xorb.hash, record(chunk(27), 0, { version: 1 })] as const;
      },
    ],
    [
      'a chunk that unpacks to another length',
      async () => {
        const { xorb } = await buildXetUpload(chunk(28));
        return [xorb.hash, record(chunk(28), 1, { rawBytes: 20_001 })] as const;
      },
    ],
    [
      'a chunk that is too long',
      async () => {
        const raw = Buffer.alloc(200_000);
        const built = await buildXorb([{ raw, scheme: 1 }]);
        return [built.hash, built.bytes] as const;
      },
    ],
  ])('with %s is refused', async (_, forge) => {
    const repo = await newRepo();
    const [hash, bytes] = await forge();
    await expectNothingStored(hub, async () => {
      const answer = await postXorb(repo, hash, bytes);
      expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidObject']);
    });
  });

  test('that is too large is refused before it is read', async () => {
    const repo = await newRepo();
    const { cas, token } = await repo.xetToken();
    const head = `POST ${cas}/v1/xorbs/default/${'a'.repeat(64)} HTTP/1.1\r\nHost: ${hub.host}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 100000000\r\n\r\n`;
    const first = await new Promise<string>((done, failed) => {
      const socket = connect(Number(hub.host.split(':')[1]), '127.0.0.1', () => socket.write(head));
      socket.once('data', (piece) => {
        done(piece.toString('latin1'));
        socket.destroy();
      });
      socket.on('error', failed);
    });
    expect(first).toMatch(/^HTTP\/1\.1 413 /);
  });
});

/** A file of two terms over one xorb of four chunks, and all that is needed to send it. */
async function buildTwoTerms(seed: number): Promise<{ bytes: Buffer; xorb: BuiltXorb; file: BuiltFile }> {
  const raw = [chunk(seed), chunk(seed + 1), chunk(seed + 2), chunk(seed + 3)];
  const xorb = await buildXorb(raw.map((one) => ({ raw: one, scheme: 1 })));
  const bytes = Buffer.concat([raw[2], raw[3], raw[0]] as Buffer[]);
  const file = await buildFile(
    [
      { xorb, start: 2, end: 4 },
      { xorb, start: 0, end: 1 },
    ],
    sha256Of(bytes),
  );
  return { bytes, xorb, file };
}

describe('a shard', () => {
  test('makes files known, once each, with or without a footer', async () => {
    const repo = await newRepo();
    const { xorb, file, bytes } = await buildTwoTerms(40);
    await postXorb(repo, xorb.hash, xorb.bytes);
    expect((await postShard(repo, buildShard([file, file], [xorb], { footer: true }))).json()).toEqual({
      result: 1,
    });
    expect((await postShard(repo, buildShard([file], []))).json()).toEqual({ result: 0 });
    await repo.commit([lfsLine('f.bin', bytes)]);
    expect((await repo.resolve('main', 'f.bin')).body.equals(bytes)).toBe(true);
  });

  const forgeries: readonly (readonly [
    string,
    (built: { file: BuiltFile; xorb: BuiltXorb }) => BuiltFile,
  ])[] = [
    ['another file hash', ({ file }) => ({ ...file, hash: otherHash(file.hash) })],
    ['another SHA-256', ({ file }) => ({ ...file, sha256: sha256Of(Buffer.from('other')) })],
    ['no SHA-256', ({ file }) => ({ ...file, sha256: undefined })],
    ['no verification hashes', ({ file }) => ({ ...file, rangeHashes: [] })],
    [
      'another verification hash',
      ({ file }) => ({ ...file, rangeHashes: file.rangeHashes.map((hash) => otherHash(hash)) }),
    ],
    [
      'verification hashes of other terms',
      ({ file }) => ({ ...file, rangeHashes: file.rangeHashes.toReversed() }),
    ],
    [
      'a xorb nobody has',
      ({ file }) => ({ ...file, terms: file.terms.map((term) => ({ ...term, xorb: otherHash(term.xorb) })) }),
    ],
    [
      'chunks that are not there',
      ({ file }) => ({ ...file, terms: file.terms.map((term) => ({ ...term, chunkEnd: 5 })) }),
    ],
    [
      'chunks far beyond',
      ({ file }) => ({
        ...file,
        terms: file.terms.map((term) => ({ ...term, chunkStart: 0xfffffff0, chunkEnd: 0xffffffff })),
      }),
    ],
    [
      'no chunks',
      ({ file }) => ({ ...file, terms: file.terms.map((term) => ({ ...term, chunkEnd: term.chunkStart })) }),
    ],
    [
      'chunks in reverse',
      ({ file }) => ({
        ...file,
        terms: file.terms.map((term) => ({ ...term, chunkStart: term.chunkEnd, chunkEnd: term.chunkStart })),
      }),
    ],
    [
      'another length',
      ({ file }) => ({
        ...file,
        terms: file.terms.map((term) => ({ ...term, unpackedBytes: term.unpackedBytes + 1 })),
      }),
    ],
    [
      'terms in another order',
      ({ file }) => ({ ...file, terms: file.terms.toReversed(), rangeHashes: file.rangeHashes.toReversed() }),
    ],
    [
      'a term less',
      ({ file }) => ({ ...file, terms: file.terms.slice(1), rangeHashes: file.rangeHashes.slice(1) }),
    ],
  ];

  test.each(forgeries)('with %s is refused, and so is everything with it', async (_, forge) => {
    const repo = await newRepo();
    const built = await buildTwoTerms(50);
    const honest = await buildTwoTerms(60);
    for (const { hash, bytes } of [built.xorb, honest.xorb]) await postXorb(repo, hash, bytes);
    await expectNothingStored(hub, async () => {
      const answer = await postShard(repo, buildShard([honest.file, forge(built)], [built.xorb]));
      expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidObject']);
    });
    const refused = await repo.postCommit(ndjson([lfsLine('f.bin', honest.bytes)]));
    expect(refused.headers['x-error-code']).toBe('LfsNotUploaded');
  });

  test.each([
    ['nothing', () => Buffer.alloc(0)],
    ['noise', () => randomBytes(10_000)],
    ['half of one', (shard: Buffer) => shard.subarray(0, Math.floor(shard.length / 2))],
    ['another tag', (shard: Buffer) => Buffer.concat([Buffer.from('X'), shard.subarray(1)])],
  ])('that is %s is refused', async (_, change) => {
    const repo = await newRepo();
    const { xorb, file } = await buildTwoTerms(70);
    await postXorb(repo, xorb.hash, xorb.bytes);
    await expectNothingStored(hub, async () => {
      const { status } = await postShard(repo, change(buildShard([file], [xorb])));
      expect(status).toBe(400);
    });
  });

  test('may name a xorb that somebody else sent only by proving to have its chunks', async () => {
    const [mine, yours] = [await newRepo(), await createRepo(hub, 'stranger/x', { person: 'stranger' })];
    const { xorb, file, bytes } = await buildTwoTerms(80);
    await postXorb(mine, xorb.hash, xorb.bytes);
    expect((await postShard(mine, buildShard([file], [xorb]))).status).toBe(200);
    await mine.commit([lfsLine('secret.bin', bytes)]);

    // The names of file, xorb and SHA-256 alone open nothing.
    expect((await reconstruct(yours, 'v2', file.hash)).status).toBe(404);
    expect((await yours.postCommit(ndjson([lfsLine('stolen.bin', bytes)]))).headers['x-error-code']).toBe(
      'LfsNotUploaded',
    );
    const guessed = { ...file, rangeHashes: file.rangeHashes.map(otherHash) };
    expect((await postShard(yours, buildShard([guessed], []))).status).toBe(400);
    expect((await yours.batchOne('download', bytes)).error?.code).toBe(404);

    // With the chunks at hand, nothing has to be sent again.
    expect((await postShard(yours, buildShard([file], []))).status).toBe(200);
    await yours.commit([lfsLine('own.bin', bytes)]);
    expect((await yours.resolve('main', 'own.bin')).body.equals(bytes)).toBe(true);
  });

  test('of an empty file needs no xorb', async () => {
    const repo = await newRepo();
    const nothing = Buffer.alloc(0);
    const file: BuiltFile = {
      hash: '0'.repeat(64) as XetHash,
      terms: [],
      rangeHashes: [],
      sha256: sha256Of(nothing),
    };
    expect((await postShard(repo, buildShard([file], []))).status).toBe(200);
    await repo.commit([lfsLine('empty.bin', nothing)]);
    expect((await repo.resolve('main', 'empty.bin')).status).toBe(200);
  });
});

interface V2 {
  readonly offset_into_first_range: number;
  readonly terms: readonly {
    readonly hash: string;
    readonly unpacked_length: number;
    readonly range: { readonly start: number; readonly end: number };
  }[];
  readonly xorbs: Readonly<
    Record<
      string,
      readonly {
        readonly url: string;
        readonly ranges: readonly {
          readonly chunks: { readonly start: number; readonly end: number };
          readonly bytes: { readonly start: number; readonly end: number };
        }[];
      }[]
    >
  >;
}
interface V1 {
  readonly offset_into_first_range: number;
  readonly terms: V2['terms'];
  readonly fetch_info: Readonly<
    Record<
      string,
      readonly {
        readonly url: string;
        readonly range: { readonly start: number; readonly end: number };
        readonly url_range: { readonly start: number; readonly end: number };
      }[]
    >
  >;
}

interface Piece {
  readonly url: string;
  readonly chunks: { readonly start: number; readonly end: number };
  readonly bytes: { readonly start: number; readonly end: number };
}

const piecesOf = (answer: Answer, form: 'v1' | 'v2', hash: string): readonly Piece[] =>
  form === 'v2'
    ? (answer.json<V2>().xorbs[hash] ?? []).flatMap(({ url, ranges }) =>
        ranges.map((range) => ({ url, ...range })),
      )
    : (answer.json<V1>().fetch_info[hash] ?? []).map(({ url, range, url_range }) => ({
        url,
        chunks: range,
        bytes: url_range,
      }));

/** Chunks of stored bytes, unpacked; only those stored plain can be read here. */
function unpackPlain(stored: Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stored.length;) {
    const length = stored.readUIntLE(at + 1, 3);
    expect(stored.readUInt8(at + 4)).toBe(0);
    chunks.push(stored.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return chunks;
}

/** A file of chunks that are stored plain, as a client rebuilds it. */
async function fetchPlain(
  repo: RepoClient,
  form: 'v1' | 'v2',
  hash: string,
  range?: string,
): Promise<{ readonly offset: number; readonly bytes: Buffer }> {
  const answer = await reconstruct(repo, form, hash, range);
  expect(answer.status, answer.text).toBe(200);
  const { offset_into_first_range: offset, terms } = answer.json<V1>();
  const parts: Buffer[] = [];
  for (const term of terms) {
    const piece = piecesOf(answer, form, term.hash).find(
      ({ chunks }) => chunks.start <= term.range.start && chunks.end >= term.range.end,
    );
    if (!piece) throw new Error('No bytes are offered for a term.');
    const { status, body } = await hub.send('GET', pathOf(piece.url), {
      headers: { range: `bytes=${piece.bytes.start}-${piece.bytes.end}` },
    });
    expect(status).toBe(206);
    const chunks = unpackPlain(body).slice(
      term.range.start - piece.chunks.start,
      term.range.end - piece.chunks.start,
    );
    const unpacked = Buffer.concat(chunks);
    expect(unpacked.length).toBe(term.unpacked_length);
    parts.push(unpacked);
  }
  return { offset, bytes: Buffer.concat(parts) };
}

describe.each(['v1', 'v2'] as const)('reconstruction in the form %s', (form) => {
  const raw = Array.from({ length: 8 }, (_, index) => sample(100 + index, 10_000 + index));
  const order = [3, 4, 5, 0, 1, 6, 7, 7];
  const bytes = Buffer.concat(order.map((index) => raw[index] as Buffer));
  let repo: RepoClient;
  let file: BuiltFile;
  beforeAll(async () => {
    repo = await newRepo();
    const xorb = await buildXorb(raw.map((one) => ({ raw: one, scheme: 0 })));
    const ranges = [
      [3, 6],
      [0, 2],
      [6, 8],
      [7, 8],
    ].map(([start = 0, end = 0]) => ({ xorb, start, end }));
    file = await buildFile(ranges, sha256Of(bytes));
    await postXorb(repo, xorb.hash, xorb.bytes);
    expect((await postShard(repo, buildShard([file], [xorb]))).status).toBe(200);
    await repo.commit([lfsLine('f.bin', bytes)]);
  });

  test('gives all the file', async () => {
    const fetched = await fetchPlain(repo, form, file.hash);
    expect([fetched.offset, fetched.bytes.equals(bytes)]).toEqual([0, true]);
  });

  test('gives any range of it, and the same bytes come over plain HTTP and git-lfs', async () => {
    const { actions } = await repo.batchOne('download', bytes);
    const href = pathOf(actions?.['download']?.href ?? '');
    for (const [start, end] of [
      [0, 1],
      [0, 10_000],
      [9_999, 10_001],
      [10_500, 20_500],
      [25_000, 60_000],
      [bytes.length - 1, bytes.length],
      [1, bytes.length],
    ] as const) {
      const range = `bytes=${start}-${end - 1}`;
      const expected = bytes.subarray(start, end);
      const fetched = await fetchPlain(repo, form, file.hash, range);
      expect(
        fetched.bytes.subarray(fetched.offset, fetched.offset + end - start).equals(expected),
        range,
      ).toBe(true);
      expect((await repo.resolve('main', 'f.bin', { range })).body.equals(expected), range).toBe(true);
      expect((await hub.send('GET', href, { headers: { range } })).body.equals(expected), range).toBe(true);
    }
    const beyond = await fetchPlain(repo, form, file.hash, `bytes=5-${bytes.length * 2}`);
    expect(beyond.bytes.subarray(beyond.offset).equals(bytes.subarray(5))).toBe(true);
  });

  test('is 416 behind the end, and 404 for what the repository does not hold', async () => {
    for (const range of [`bytes=${bytes.length}-`, `bytes=${bytes.length}-${bytes.length + 10}`]) {
      const answer = await reconstruct(repo, form, file.hash, range);
      expect([answer.status, answer.headers['content-range']]).toEqual([416, `bytes */${bytes.length}`]);
    }
    for (const hash of ['a'.repeat(64), 'nonsense', otherHash(file.hash)]) {
      expect((await reconstruct(repo, form, hash)).status).toBe(404);
    }
  });

  test('signs links for its bytes and no others, for a while', async () => {
    const answer = await reconstruct(repo, form, file.hash, 'bytes=0-10');
    const [piece] = piecesOf(answer, form, answer.json<V1>().terms[0]?.hash ?? '');
    if (!piece) throw new Error('no piece');
    const url = pathOf(piece.url);
    const get = (range: string, target = url) => hub.send('GET', target, { headers: { range } });
    const { start, end } = piece.bytes;
    expect((await get(`bytes=${start}-${end}`)).body).toHaveLength(end - start + 1);
    expect((await get(`bytes=${start + 1}-${start + 4}`)).body).toHaveLength(4);
    const whole = await hub.send('GET', url);
    expect([whole.status, whole.body.length]).toEqual([200, end - start + 1]);
    for (const range of [
      `bytes=${start}-${end + 1}`,
      `bytes=${end + 1}-`,
      'bytes=-1',
      `bytes=${start}-`,
      ...(start > 0 ? [`bytes=${start - 1}-${end}`] : []),
    ]) {
      expect([range, (await get(range)).status]).toEqual([range, 403]);
    }
    const altered = [
      url.replace(/range=\d+-(\d+)/, (_, last: string) => `range=0-${Number(last) + 1}`),
      url.replace(/expires=\d+/, 'expires=9999999999'),
      url.replace(/signature=./, (text) => (text.endsWith('A') ? 'signature=B' : 'signature=A')),
      url.replace(/xorbs\/[0-9a-f]{64}/, `xorbs/${'a'.repeat(64)}`),
      url.split('?', 1)[0] ?? '',
    ];
    for (const target of altered) {
      expect(target).not.toBe(url);
      expect([target, (await get(`bytes=${start}-${end}`, target)).status]).toEqual([target, 403]);
    }
    hub.advance(HOUR_MS + 1000);
    expect((await get(`bytes=${start}-${end}`)).status).toBe(403);
  });
});

describe('both forms of a large file', () => {
  test('live in one repository, and each is read by every client', async () => {
    const repo = await newRepo();
    const [plain, chunked] = [randomBytes(100_000), chunk(200, 150_000)];
    await repo.uploadLfs(plain);
    await repo.uploadXet(await buildXetUpload(chunked));
    await repo.commit([lfsLine('plain.bin', plain), lfsLine('chunked.bin', chunked)]);
    const tree = (await repo.api('GET', 'tree/main')).json<{ path: string; xetHash?: string }[]>();
    expect(tree.filter(({ xetHash }) => xetHash !== undefined).map(({ path }) => path)).toEqual([
      'chunked.bin',
    ]);
    for (const [path, bytes] of [
      ['plain.bin', plain],
      ['chunked.bin', chunked],
    ] as const) {
      expect((await repo.resolve('main', path)).body.equals(bytes)).toBe(true);
      const href = pathOf((await repo.batchOne('download', bytes)).actions?.['download']?.href ?? '');
      expect((await hub.send('GET', href)).body.equals(bytes)).toBe(true);
    }
  });

  test('may be of one and the same file', async () => {
    const repo = await newRepo();
    const bytes = chunk(201, 100_000);
    await repo.uploadLfs(bytes);
    await repo.commit([lfsLine('f.bin', bytes)]);
    const upload = await buildXetUpload(bytes);
    await repo.uploadXet(upload);
    const { headers, body } = await repo.resolve('main', 'f.bin');
    expect([headers['x-xet-hash'], body.equals(bytes)]).toEqual([upload.fileHash, true]);
    expect((await reconstruct(repo, 'v2', upload.fileHash)).status).toBe(200);
    // The other way round: a Xet file is held, so git-lfs need not send it.
    const other = chunk(202, 100_000);
    await repo.uploadXet(await buildXetUpload(other));
    expect((await repo.batchOne('upload', other)).actions).toBeUndefined();
  });
});

test('a reader of a public repository needs no account, one of a private repository does', async () => {
  const open = await newRepo();
  const hidden = await createRepo(hub, 'owner/hidden', { isPrivate: true });
  for (const [repo, person, status] of [
    [open, 'anonymous', 200],
    [open, 'stranger', 200],
    [hidden, 'anonymous', 401],
    [hidden, 'stranger', 404],
    [hidden, 'owner-read', 200],
  ] as const) {
    const { status: got } = await repoClient(hub, repo.name, person).api('GET', 'xet-read-token/main');
    expect([repo.name, person, got]).toEqual([repo.name, person, status]);
  }
  expect((await repoClient(hub, open.name, 'owner-read').api('GET', 'xet-write-token/main')).status).toBe(
    403,
  );
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
