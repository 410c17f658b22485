import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  fileLine,
  lfsLine,
  ndjson,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';
import { sample } from '../unit/xet/builders.ts';

/* Clients that hang up inside every kind of upload, and many that read while others write. */

const PART = 5 * 1024 * 1024;

let hub: TestHub;
let repo: RepoClient;
beforeAll(async () => {
  hub = await startPeopledHub(['--limits-part-size', '5MiB']);
  repo = await createRepo(hub, 'owner/races');
});
afterAll(() => hub[Symbol.asyncDispose]());

const pathOf = (href: string | undefined): string => (href ?? '').replace(hub.url, '');

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly token?: string | undefined;
  readonly body: Buffer;
}

const send = ({ method, path, type, token, body }: Sent) =>
  hub.send(method, path, { token, body, headers: { 'content-type': type } });

/** Begin a request, send so many bytes of its body, and hang up. */
async function hangUp(sent: Sent, bodyBytes: number): Promise<void> {
  const head = [
    `${sent.method} ${sent.path} HTTP/1.1`,
    `Host: ${hub.host}`,
    `Content-Type: ${sent.type}`,
    `Content-Length: ${sent.body.length}`,
    ...(sent.token === undefined ? [] : [`Authorization: Bearer ${sent.token}`]),
  ];
  await new Promise<void>((done, failed) => {
    const socket = connect(Number(hub.host.split(':')[1]), '127.0.0.1', () => {
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
      socket.write(sent.body.subarray(0, bodyBytes), () => setTimeout(() => socket.destroy(), 20));
    });
    socket.on('error', failed);
    socket.on('close', () => done());
  });
  await delay(100);
}

describe('a client that hangs up', () => {
  const bytes = randomBytes(400_000);

  const kinds: Readonly<Record<string, () => Promise<Sent>>> = {
    'inside a commit': () =>
      Promise.resolve({
        method: 'POST',
        path: `/api/models/${repo.name}/commit/main`,
        type: 'application/x-ndjson',
        token: tokenOf('owner'),
        body: ndjson([fileLine('a.txt', randomBytes(1_500_000).toString('hex')), fileLine('b.txt', 'b')]),
      }),
    'inside an LFS upload': async () => {
      const { actions } = await repo.batchOne('upload', bytes);
      const path = pathOf(actions?.['upload']?.href);
      return { method: 'PUT', path, type: 'application/octet-stream', body: bytes };
    },
    'inside a part': async () => {
      const large = randomBytes(PART + 1);
      const { actions } = await repo.batchOne('upload', large, ['multipart']);
      const path = pathOf(actions?.['upload']?.header?.['00001']);
      return { method: 'PUT', path, type: 'application/octet-stream', body: large.subarray(0, PART) };
    },
    'inside the completion of parts': async () => {
      const large = randomBytes(PART + 1);
      const { actions } = await repo.batchOne('upload', large, ['multipart']);
      const upload = actions?.['upload'];
      const parts = [];
      for (const [index, content] of [large.subarray(0, PART), large.subarray(PART)].entries()) {
        const answer = await hub.send('PUT', pathOf(upload?.header?.[`0000${index + 1}`]), { body: content });
        parts.push({ partNumber: index + 1, etag: String(answer.headers.etag) });
      }
      const body = Buffer.from(JSON.stringify({ oid: sha256Of(large), parts }));
      return { method: 'POST', path: pathOf(upload?.href), type: 'application/vnd.git-lfs+json', body };
    },
    'inside a xorb': async () => {
      const { xorb } = await buildXetUpload(sample(1, 300_000));
      const { cas, token } = await repo.xetToken();
      const path = `${cas}/v1/xorbs/default/${xorb.hash}`;
      return { method: 'POST', path, type: 'application/octet-stream', token, body: xorb.bytes };
    },
    'inside a shard': async () => {
      const upload = await buildXetUpload(sample(2, 300_000));
      const { cas, token } = await repo.xetToken();
      const xorb = `${cas}/v1/xorbs/default/${upload.xorb.hash}`;
      expect((await hub.send('POST', xorb, { token, body: upload.xorb.bytes })).status).toBe(200);
      const path = `${cas}/v1/shards`;
      return { method: 'POST', path, type: 'application/octet-stream', token, body: upload.shard };
    },
    'inside a preupload': () =>
      Promise.resolve({
        method: 'POST',
        path: `/api/models/${repo.name}/preupload/main`,
        type: 'application/json',
        token: tokenOf('owner'),
        body: Buffer.from(JSON.stringify({ files: [{ path: 'x', size: 1, sample: 'eA==' }] })),
      }),
  };

  test.each(Object.entries(kinds))('%s leaves nothing, and the next try works', async (_, prepare) => {
    const sent = await prepare();
    for (const bodyBytes of [0, Math.floor(sent.body.length / 2), sent.body.length - 1]) {
      await expectNothingStored(hub, () => hangUp(sent, bodyBytes));
    }
    const answer = await send(sent);
    expect(answer.status, answer.text).toBe(200);
  });

  test('more often than there are places for xorbs takes none of them for good', async () => {
    const upload = await buildXetUpload(sample(3, 300_000));
    const { cas, token } = await repo.xetToken();
    const path = `${cas}/v1/xorbs/default/${upload.xorb.hash}`;
    const sent = { method: 'POST', path, type: 'application/octet-stream', token, body: upload.xorb.bytes };
    await Promise.all(Array.from({ length: 20 }, () => hangUp(sent, 100_000)));
    expect((await send(sent)).status).toBe(200);
  });
});

test('fifty readers see whole versions of files that ten writers change', async () => {
  const WRITERS = 10;
  const VERSIONS = 4;
  const known = new Set<string>();
  const published = new Array<number>(WRITERS).fill(-1);
  let isOver = false;

  const contentOf = (writer: number, version: number): Buffer =>
    sample(1000 + writer * 100 + version, 20_000 + writer);
  for (let writer = 0; writer < WRITERS; writer += 1)
    for (let version = 0; version < VERSIONS; version += 1)
      known.add(`${writer} ${sha256Of(contentOf(writer, version))}`);

  const write = async (writer: number): Promise<void> => {
    for (let version = 0; version < VERSIONS; version += 1) {
      const bytes = contentOf(writer, version);
      if (writer % 2 === 0) {
        await repo.uploadLfs(bytes);
        await repo.commit([lfsLine(`w${writer}.bin`, bytes)]);
      } else await repo.commit([fileLine(`w${writer}.bin`, bytes)]);
      published[writer] = version;
    }
  };
  const read = async (reader: number): Promise<number> => {
    let reads = 0;
    for (let turn = reader; !isOver; turn += 1) {
      const writer = turn % WRITERS;
      const least = published[writer] ?? -1;
      const answer = await repo.resolve('main', `w${writer}.bin`);
      if (answer.status === 404) expect(least).toBe(-1);
      else {
        expect(answer.status).toBe(200);
        expect(known.has(`${writer} ${sha256Of(answer.body)}`)).toBe(true);
        const version = Array.from({ length: VERSIONS }, (_, index) => index).findIndex((index) =>
          contentOf(writer, index).equals(answer.body),
        );
        // What was acknowledged before the question is there.
        expect(version).toBeGreaterThanOrEqual(least);
        reads += 1;
      }
    }
    return reads;
  };
  const readers = Array.from({ length: 50 }, (_, reader) => read(reader));
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  isOver = true;
  const reads = await Promise.all(readers);
  expect(reads.reduce((total, count) => total + count, 0)).toBeGreaterThan(50);
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
});

test.each([
  ['short', (bytes: Buffer) => bytes.subarray(0, 2_000_000)],
  ['long', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(70_000)])],
])('a store whose object is too %s never makes a whole answer', async (_, change) => {
  await using other = await startPeopledHub();
  const own = await createRepo(other, 'owner/lies');
  const bytes = randomBytes(3_000_000);
  await own.uploadLfs(bytes);
  await own.commit([lfsLine('w.bin', bytes)]);
  const [path] = Object.keys((await other.snapshot()).files).filter((name) => name.endsWith(sha256Of(bytes)));
  await writeFile(join(other.dataDir, path ?? ''), change(bytes));
  const outcome = await own.resolve('main', 'w.bin').then(
    ({ status, body }) => (status >= 500 ? 'broken' : body.equals(bytes) ? 'whole' : 'wrong'),
    () => 'broken',
  );
  // The bytes that were announced may come, but no others, and nobody waits for those that are not there.
  expect(outcome).not.toBe('wrong');
  if (change(bytes).length < bytes.length) expect(outcome).toBe('broken');
  expect((await own.api('GET', 'revision/main')).status).toBe(200);
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
