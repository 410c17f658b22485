import { createHash } from 'node:crypto';
import { downloadFile, uploadFiles } from '@huggingface/hub';
import { beforeAll, describe, expect, it } from 'vitest';
import type { XetHash } from '../../../server/domain/ids.ts';
import type { ByteRange } from '../../../server/objects/object-store.ts';
import { createXetFileReader } from '../../../server/xet/file-bytes.ts';
import type { ChunkIndex } from '../../../server/xet/chunk-index.ts';
import { reconstruct, reconstructionV2 } from '../../../server/xet/reconstruction.ts';
import { narrowSignedRange, signXorbQuery, verifyXorbQuery } from '../../../server/xet/tokens.ts';
import { verifyShard } from '../../../server/xet/verify-shard.ts';
import type { VerifiedFile } from '../../../server/xet/verify-shard.ts';
import { verifyXorb } from '../../../server/xet/xorb.ts';
import { sample } from './builders.ts';

/*
 * `@huggingface/hub` talks to the engine through a hub that is nothing but a `fetch` function: what the client
 * uploads must pass every proof, and what the engine answers must give the client the same bytes back.
 */

const HUB = 'http://hub.test';
const CAS = 'http://cas.test';
const key = Buffer.alloc(32, 1);
const expiresAt = Math.floor(Date.now() / 1000) + 3600;

const xorbs = new Map<XetHash, { readonly content: Uint8Array; readonly index: ChunkIndex }>();
const files = new Map<string, VerifiedFile>();
const requested: string[] = [];

const xorbOf = (hash: XetHash): { readonly content: Uint8Array; readonly index: ChunkIndex } => {
  const xorb = xorbs.get(hash);
  if (!xorb) throw new Error(`no xorb ${hash}`);
  return xorb;
};
const getChunkIndex = async (hash: XetHash): Promise<ChunkIndex> => xorbOf(hash).index;
const reader = createXetFileReader({
  getChunkIndex,
  readXorb: async (hash, range, into) => {
    into.set(xorbOf(hash).content.subarray(range.start, range.end));
    return into.subarray(0, range.end - range.start);
  },
  memoryBytes: 64 * 1024 * 1024,
});

const json = (body: unknown): Response => Response.json(body);
const rangeOf = (request: Request): ByteRange | undefined => {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get('range') ?? '') ?? [];
  return first === undefined || last === undefined
    ? undefined
    : { start: Number(first), end: Number(last) + 1 };
};

const answerHub = async (url: URL, request: Request): Promise<Response> => {
  if (url.pathname.includes('/preupload/')) {
    const { files: asked } = (await request.json()) as { files: { path: string }[] };
    return json({ files: asked.map(({ path }) => ({ path, uploadMode: 'lfs' })) });
  }
  if (url.pathname.endsWith('/objects/batch')) {
    const { objects } = (await request.json()) as { objects: { oid: string; size: number }[] };
    const header = {
      'X-Xet-Cas-Url': CAS,
      'X-Xet-Access-Token': 'token',
      'X-Xet-Token-Expiration': String(expiresAt),
    };
    const actions = { upload: { href: `${HUB}/token`, header } };
    return json({ transfer: 'xet', objects: objects.map((object) => ({ ...object, actions })) });
  }
  if (url.pathname === '/token') return json({ casUrl: CAS, accessToken: 'token', exp: expiresAt });
  return json({ commitOid: 'a'.repeat(40), commitUrl: `${HUB}/commit`, hookOutput: '' });
};

const answerCas = async (url: URL, request: Request): Promise<Response> => {
  const [, kind, hash] =
    /^\/(v1\/xorbs\/default|v1\/shards|v2\/reconstructions|range)\/?([0-9a-f]*)$/.exec(url.pathname) ?? [];
  const name = hash as XetHash;
  switch (kind) {
    case 'v1/xorbs/default': {
      const bytes = new Uint8Array(await request.arrayBuffer());
      const { contentBytes, index } = await verifyXorb(bytes, name);
      xorbs.set(name, { content: bytes.subarray(0, contentBytes), index });
      return json({ was_inserted: true });
    }
    case 'v1/shards': {
      const verified = await verifyShard({
        shard: new Uint8Array(await request.arrayBuffer()),
        findChunkIndex: async (xorb) => xorbs.get(xorb)?.index,
        maxFileBytes: 1e9,
        maxTotalBytes: 1e9,
      });
      for (const file of verified) files.set(file.declaredSha256 ?? '', file);
      return json({ result: 1 });
    }
    case 'v2/reconstructions': {
      const file = [...files.values()].find((candidate) => candidate.hash === name);
      if (!file) return new Response(null, { status: 404 });
      const answer = await reconstruct(file, rangeOf(request), getChunkIndex);
      const xorbUrl = (xorb: XetHash, start: number, last: number): string =>
        `${CAS}/range/${xorb}?${signXorbQuery(key, { xorb, bytes: { start, end: last + 1 }, expiresAt })}`;
      return json(reconstructionV2(answer, xorbUrl));
    }
    case 'range': {
      const signed = verifyXorbQuery(key, name, Object.fromEntries(url.searchParams), expiresAt - 1);
      const range = signed && narrowSignedRange(signed, rangeOf(request));
      if (!range) return new Response(null, { status: 403 });
      return new Response(Buffer.from(xorbOf(name).content.subarray(range.start, range.end)), {
        status: 206,
      });
    }
    default:
      return new Response(null, { status: 404 });
  }
};

const fakeFetch: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  const url = new URL(request.url);
  requested.push(`${request.method} ${url.pathname}`);
  return url.origin === CAS ? answerCas(url, request) : answerHub(url, request);
};

const floats = Buffer.from(Float32Array.from({ length: 400_000 }, (_, index) => Math.sin(index) / 50).buffer);
const contents = new Map<string, Buffer>([
  ['one-byte.bin', Buffer.from('x')],
  ['zeros.bin', Buffer.alloc(3_000_000)],
  [
    'text.txt',
    Buffer.from(Array.from({ length: 60_000 }, (_, line) => `line ${line} of the text\n`).join('')),
  ],
  ['floats.bin', floats],
  ['twice.bin', Buffer.concat([floats, sample(1, 500_000), floats])],
  ['random.bin', createRandom(2_500_000)],
]);

/** Bytes that do not compress, the same in every run. */
function createRandom(length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let index = 0; index < length / 32; index += 1)
    blocks.push(createHash('sha256').update(String(index)).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const fileOf = (name: string): { readonly content: Buffer; readonly file: VerifiedFile } => {
  const content = contents.get(name) ?? Buffer.alloc(0);
  const file = files.get(sha256Of(content));
  if (!file) throw new Error(`${name} did not arrive`);
  return { content, file };
};

beforeAll(async () => {
  await uploadFiles({
    repo: 'someone/something',
    hubUrl: HUB,
    accessToken: 'hf_test',
    fetch: fakeFetch,
    files: [...contents].map(([path, content]) => ({ path, content: new Blob([new Uint8Array(content)]) })),
  });
});

describe.each([...contents.keys()])('%s of the JavaScript client', (name) => {
  it('passes every proof, with the SHA-256 of its bytes', async () => {
    const { content, file } = fileOf(name);
    const parts: Uint8Array[] = [];
    for await (const bytes of reader.read(file)) parts.push(Uint8Array.from(bytes));
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(file.sizeBytes).toBe(content.length);
  });

  it('comes back whole and in ranges', async () => {
    const { content, file } = fileOf(name);
    const blob = await downloadFile({
      repo: 'someone/something',
      path: name,
      hubUrl: HUB,
      fetch: fakeFetch,
      downloadInfo: {
        size: content.length,
        etag: file.declaredSha256 ?? '',
        url: `${HUB}/file`,
        xet: {
          hash: file.hash,
          refreshUrl: new URL(`${HUB}/token`),
          reconstructionUrl: new URL(`${CAS}/v2/reconstructions/${file.hash}`),
        },
      },
    });
    if (!blob) throw new Error('no blob');
    expect(Buffer.from(await blob.arrayBuffer()).equals(content)).toBe(true);
    const from = Math.floor(content.length / 3);
    const part = Buffer.from(await blob.slice(from, from + 70_001).arrayBuffer());
    expect(part.equals(content.subarray(from, from + 70_001))).toBe(true);
  });
});

describe('the JavaScript client', () => {
  it('compressed some chunks and not others, so that the above proves both', () => {
    const schemes = new Set<number>();
    for (const { content, index } of xorbs.values()) {
      for (let chunk = 0; chunk < index.count; chunk += 1)
        schemes.add(content[(index.storedOffsets[chunk] ?? 0) + 4] ?? -1);
    }
    expect(schemes).toEqual(new Set([0, 1, 2]));
  });

  it('was refused nothing', () => {
    expect(requested.filter((request) => request.includes('/v1/xorbs/')).length).toBeGreaterThan(0);
    expect(files.size).toBe(contents.size);
  });
});
