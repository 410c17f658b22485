import * as oracle from '@huggingface/xetchunk-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { XetHash } from '../../server/domain/ids.ts';
import { xetHashText } from '../../server/xet/hash.ts';
import { ENTRY_BYTES, FOOTER_BYTES } from '../../server/xet/shard.ts';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  lfsLine,
  sha256Of,
  startPeopledHub,
  type Person,
  type RepoClient,
} from '../support/scenario.ts';
import { buildFile, buildShard, sample } from '../unit/xet/builders.ts';

/* What a client that asks about a chunk is told: of files it may read, and of nothing else. */

const CHUNK_BYTES = 64 * 1024;
const DAY_MS = 86_400_000;

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

/** By another implementation of the protocol. */
const keyedHash = (hash: string, key: string): string =>
  oracle.hashToHex(oracle.hmac(oracle.hexToBytes(hash), oracle.hexToBytes(key)));

let count = 0;
const newRepo = (person: Person = 'owner', isPrivate = true): Promise<RepoClient> =>
  createRepo(hub, `${person === 'member' ? 'lab' : person}/d${(count += 1)}`, { person, isPrivate });

async function ask(repo: RepoClient, hash: string, prefix = 'default'): Promise<Answer> {
  const { cas, token } = await repo.xetToken();
  return hub.send('GET', `${cas}/v1/chunks/${prefix}/${hash}`, { token });
}

interface Told {
  readonly xorb: string;
  readonly chunks: readonly { readonly hash: string; readonly at: number; readonly bytes: number }[];
}

/** Read an answer as a client does. */
function readShard(bytes: Buffer): {
  key: XetHash;
  expiresAt: number;
  files: number;
  xorbs: readonly Told[];
} {
  const footer = bytes.length - FOOTER_BYTES;
  expect(bytes.readBigUInt64LE(32)).toBe(2n);
  expect(bytes.readBigUInt64LE(40)).toBe(BigInt(FOOTER_BYTES));
  expect(bytes.readBigUInt64LE(footer)).toBe(1n);
  expect(bytes.readBigUInt64LE(footer + 192)).toBe(BigInt(footer));
  const bookend = 'f'.repeat(64);
  const filesAt = Number(bytes.readBigUInt64LE(footer + 8));
  const xorbsAt = Number(bytes.readBigUInt64LE(footer + 16));
  const files = xetHashText(bytes, filesAt) === bookend ? 0 : 1;
  expect(xorbsAt).toBe(filesAt + ENTRY_BYTES);
  const xorbs: Told[] = [];
  let at = xorbsAt;
  while (xetHashText(bytes, at) !== bookend) {
    const xorb = xetHashText(bytes, at);
    const entries = bytes.readUInt32LE(at + 36);
    const chunks = Array.from({ length: entries }, (_, number) => {
      const entry = at + ENTRY_BYTES * (number + 1);
      return {
        hash: xetHashText(bytes, entry),
        at: bytes.readUInt32LE(entry + 32),
        bytes: bytes.readUInt32LE(entry + 36),
      };
    });
    xorbs.push({ xorb, chunks });
    at += ENTRY_BYTES * (entries + 1);
  }
  expect(at + ENTRY_BYTES).toBe(footer);
  return {
    key: xetHashText(bytes, footer + 72),
    expiresAt: Number(bytes.readBigUInt64LE(footer + 112)),
    files,
    xorbs,
  };
}

/** A committed file of five chunks; answers it with the texts of its chunk hashes. */
async function committed(repo: RepoClient, seed: number) {
  const bytes = sample(seed, 5 * CHUNK_BYTES - 100);
  const upload = await buildXetUpload(bytes);
  await repo.uploadXet(upload);
  await repo.commit([lfsLine('f.bin', bytes)]);
  return { bytes, upload, hashes: upload.xorb.chunkHashes.map((hash) => xetHashText(hash)) };
}

test('a chunk of a file that the caller may read leads to its xorb, with keyed hashes', async () => {
  const repo = await newRepo();
  const { bytes, upload, hashes } = await committed(repo, 1);
  const answer = await ask(await newRepo(), hashes[0] ?? '');
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store',
  });
  const { key, expiresAt, files, xorbs } = readShard(answer.body);
  expect(files).toBe(0);
  expect(key).not.toBe('0'.repeat(64));
  expect(expiresAt * 1000).toBeGreaterThan(Date.now() + DAY_MS / 2);
  expect(xorbs.map(({ xorb }) => xorb)).toEqual([upload.xorb.hash]);
  // No hash is told as it is.
  expect(xorbs[0]?.chunks.map(({ hash }) => hash)).toEqual(hashes.map((hash) => keyedHash(hash, key)));
  expect(hashes.some((hash) => answer.body.includes(Buffer.from(hash, 'hex').swap64()))).toBe(false);
  expect(xorbs[0]?.chunks.map((chunk) => chunk.at)).toEqual([0, 1, 2, 3, 4].map((n) => n * CHUNK_BYTES));
  expect(xorbs[0]?.chunks.reduce((total, chunk) => total + chunk.bytes, 0)).toBe(bytes.length);
  expect((await ask(repo, hashes[0] ?? '', 'default-merkledb')).status).toBe(200);
});

test('nothing is told of private files of others, and all of those that anybody may read', async () => {
  const hidden = await committed(await newRepo('owner'), 2);
  const open = await committed(await newRepo('owner', false), 3);
  const ofLab = await committed(await newRepo('member'), 4);
  const stranger = await newRepo('stranger');
  const asked = async (repo: RepoClient, { hashes }: { hashes: readonly string[] }) =>
    (await ask(repo, hashes[0] ?? '')).status;
  expect(await asked(stranger, hidden)).toBe(404);
  expect(await asked(stranger, ofLab)).toBe(404);
  expect(await asked(stranger, open)).toBe(200);
  expect(await asked(await newRepo('member'), ofLab)).toBe(200);
  expect(await asked(await newRepo('owner'), ofLab)).toBe(404);
});

test('of a xorb that is shared, no chunk is told but those of files the caller may read', async () => {
  const { upload, hashes, bytes } = await committed(await newRepo('owner'), 5);
  const stranger = await newRepo('stranger');
  // The stranger has the second and the third chunk, and can prove it.
  const known = bytes.subarray(CHUNK_BYTES, 3 * CHUNK_BYTES);
  const file = await buildFile([{ xorb: upload.xorb, start: 1, end: 3 }], sha256Of(known));
  const { cas, token } = await stranger.xetToken();
  const shard = await hub.send('POST', `${cas}/v1/shards`, { token, body: buildShard([file], []) });
  expect(shard.status, shard.text).toBe(200);
  expect((await ask(stranger, hashes[1] ?? '')).status).toBe(404);
  await stranger.commit([lfsLine('own.bin', known)]);

  const { key, xorbs } = readShard((await ask(stranger, hashes[1] ?? '')).body);
  const told = xorbs[0]?.chunks ?? [];
  const keyed = hashes.map((hash) => keyedHash(hash, key));
  expect(told.map(({ hash }) => keyed.indexOf(hash))).toEqual([-1, 1, 2]);
  expect(told.map((chunk) => chunk.bytes)).toEqual([0, CHUNK_BYTES, CHUNK_BYTES]);
  for (const number of [0, 3, 4]) expect((await ask(stranger, hashes[number] ?? '')).status).toBe(404);
});

test('the other xorbs of the same file come along, for clients ask seldom', async () => {
  const repo = await newRepo();
  const first = await buildXetUpload(sample(6, 3 * CHUNK_BYTES));
  const second = await buildXetUpload(sample(7, 3 * CHUNK_BYTES));
  const { cas, token } = await repo.xetToken();
  for (const { xorb } of [first, second]) {
    await hub.send('POST', `${cas}/v1/xorbs/default/${xorb.hash}`, { token, body: xorb.bytes });
  }
  const bytes = Buffer.concat([first.xorb.raw, second.xorb.raw]);
  const terms = [first, second].map(({ xorb }) => ({ xorb, start: 0, end: 3 }));
  const file = await buildFile(terms, sha256Of(bytes));
  await hub.send('POST', `${cas}/v1/shards`, { token, body: buildShard([file], [first.xorb, second.xorb]) });
  await repo.commit([lfsLine('f.bin', bytes)]);
  const { xorbs } = readShard(
    (await ask(repo, xetHashText(first.xorb.chunkHashes[0] ?? Buffer.alloc(32)))).body,
  );
  expect(xorbs.map(({ xorb }) => xorb).sort()).toEqual([first.xorb.hash, second.xorb.hash].sort());
});

test('the key is another one for each user and each day', async () => {
  const { hashes } = await committed(await newRepo('owner', false), 8);
  const keyOf = async (person: Person) =>
    readShard((await ask(await newRepo(person), hashes[0] ?? '')).body).key;
  const first = await keyOf('owner');
  expect(await keyOf('owner')).toBe(first);
  expect(await keyOf('stranger')).not.toBe(first);
  hub.advance(DAY_MS);
  expect(await keyOf('owner')).not.toBe(first);
});

test('a question without a token, about no hash, or in another namespace has no answer', async () => {
  const repo = await newRepo();
  const { hashes } = await committed(repo, 9);
  const { cas } = await repo.xetToken();
  expect((await hub.send('GET', `${cas}/v1/chunks/default/${hashes[0]}`)).status).toBe(401);
  expect((await ask(repo, 'x'.repeat(64))).status).toBe(404);
  expect((await ask(repo, '0'.repeat(64))).status).toBe(404);
  expect((await ask(repo, hashes[0] ?? '', 'other')).status).toBe(404);
});
