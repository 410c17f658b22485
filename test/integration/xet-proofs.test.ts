import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  lfsLine,
  ndjson,
  sha256Of,
  startPeopledHub,
  type RepoClient,
} from '../support/scenario.ts';
import { buildFile, buildShard } from '../unit/xet/builders.ts';

/* What the hub must prove before a file of a shard may be seen: the proofs of the shard itself are in test/unit/xet. */

let hub: TestHub;
let repo: RepoClient;
let other: RepoClient;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/proved');
  other = await createRepo(hub, 'owner/other');
});
afterAll(() => hub[Symbol.asyncDispose]());

async function send(client: RepoClient, path: string, body: Uint8Array) {
  const { cas, token } = await client.xetToken('write');
  return hub.send('POST', `${cas}${path}`, { token, body });
}

test.each([
  ['small', 50_000],
  ['large', 900_000],
])(
  'refuses a shard whose %s file declares the SHA-256 of other bytes, and keeps nothing of it',
  async (_, size) => {
    const bytes = randomBytes(size);
    const claimed = randomBytes(size);
    const { xorb } = await buildXetUpload(bytes);
    expect((await send(repo, `/v1/xorbs/default/${xorb.hash}`, xorb.bytes)).status).toBe(200);
    const forged = await buildFile([{ xorb, start: 0, end: xorb.index.count }], sha256Of(claimed));
    const answer = await send(repo, '/v1/shards', buildShard([forged], [xorb]));
    expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidObject']);
    const commit = await repo.postCommit(ndjson([lfsLine('claimed.bin', claimed)]));
    expect([commit.status, commit.headers['x-error-code']]).toEqual([400, 'LfsNotUploaded']);
  },
);

test('refuses a xorb under a name that its chunks do not have', async () => {
  const { xorb } = await buildXetUpload(randomBytes(50_000));
  const { xorb: elsewhere } = await buildXetUpload(randomBytes(50_000));
  const answer = await send(repo, `/v1/xorbs/default/${elsewhere.hash}`, xorb.bytes);
  expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidObject']);
});

test('a hash is a name, never a permission: a file of one repository is neither told to nor committed by another', async () => {
  const bytes = randomBytes(80_000);
  const upload = await buildXetUpload(bytes);
  await repo.uploadXet(upload);
  await repo.commit([lfsLine('held.bin', bytes)]);
  const { cas, token } = await other.xetToken('read');
  expect((await hub.send('GET', `${cas}/v2/reconstructions/${upload.fileHash}`, { token })).status).toBe(404);
  const commit = await other.postCommit(ndjson([lfsLine('held.bin', bytes)]));
  expect([commit.status, commit.headers['x-error-code']]).toEqual([400, 'LfsNotUploaded']);
});
