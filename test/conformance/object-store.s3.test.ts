import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { Client } from 'minio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBucket } from '../../server/objects/buckets.ts';
import { createS3Store } from '../../server/objects/s3.ts';
import type { S3Options } from '../../server/objects/s3.ts';
import { describeWithTools } from '../support/require.ts';
import { startS3Server } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';
import { objectStoreSuite } from './object-store.suite.ts';

const MiB = 1024 * 1024;
const guard = { insideTransaction: () => false };

describeWithTools('S3 by a real server', ['versitygw'], ({ versitygw }) => {
  let server: S3Server;
  let observer: S3Client;
  let buckets = 0;

  beforeAll(async () => {
    server = await startS3Server(versitygw);
    observer = new S3Client({ ...connectionOf(server), credentials: server, forcePathStyle: true });
  });
  afterAll(async () => {
    observer.destroy();
    await server.stop();
  });

  const connectionOf = ({ endpoint, region, accessKeyId, secretAccessKey }: S3Server) => ({
    endpoint,
    region,
    accessKeyId,
    secretAccessKey,
  });

  async function unfinishedUploads(bucket: string): Promise<string[]> {
    const answer = await observer.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return (answer.Uploads ?? []).map(({ Key }) => String(Key));
  }

  for (const prefix of ['', 'some/where/']) {
    objectStoreSuite(`s3 with ${prefix === '' ? 'no prefix' : 'a prefix'}`, async (options) => {
      const bucket = `suite-${++buckets}`;
      const connection = { ...connectionOf(server), bucket, prefix };
      await ensureBucket(connection);
      return {
        store: createS3Store({ ...connection, ...options }),
        leftovers: () => unfinishedUploads(bucket),
      };
    });
  }

  test('making a bucket that exists is fine, twice at once too', async () => {
    const connection = { ...connectionOf(server), bucket: 'made-twice' };
    await Promise.all([ensureBucket(connection), ensureBucket(connection)]);
    await ensureBucket(connection);
  });

  test('a collector frees the parts of puts that were cut off, and of no others', async () => {
    const connection = { ...connectionOf(server), bucket: 'cut-off', prefix: 'hub/' };
    await ensureBucket(connection);
    const store = createS3Store({ ...connection, ...guard });
    const begin = (key: string) =>
      observer.send(new CreateMultipartUploadCommand({ Bucket: connection.bucket, Key: key }));
    await begin('hub/large/ab/cut-off');
    await begin('neighbor/large/ab/cut-off');
    expect(await store.abortOlder(Date.now() - 60_000)).toBe(0);
    const gate = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(20 * MiB, 1);
      await gate.promise;
      yield Buffer.alloc(MiB, 2);
    }
    const putting = store.put('large/ab/slow', slow());
    await expect
      .poll(() => unfinishedUploads(connection.bucket), { timeout: 20_000 })
      .toContain('hub/large/ab/slow');
    expect(await store.abortOlder(Date.now() + 60_000)).toBe(1);
    expect(await unfinishedUploads(connection.bucket)).toEqual([
      'hub/large/ab/slow',
      'neighbor/large/ab/cut-off',
    ]);
    gate.resolve();
    expect(await putting).toMatchObject({ sizeBytes: 21 * MiB });
    await store.close();
  });

  test('wrong keys are a failure of the store, never an absent object', async () => {
    const connection = { ...connectionOf(server), bucket: 'locked' };
    await ensureBucket(connection);
    const wrong = { ...connection, secretAccessKey: 'wrong' };
    await expect(ensureBucket({ ...wrong, bucket: 'other' })).rejects.toMatchObject({ code: 'Unavailable' });
    const store = createS3Store({ ...wrong, ...guard });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'Unavailable' });
    await store.close();
  });

  test('a missing bucket is a failure of the store, not an absent object', async () => {
    const store = createS3Store({ ...connectionOf(server), bucket: 'never-made', ...guard });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'Unavailable' });
    await store.close();
  });

  test('an independent client reads the same bytes under the key with its prefix', async () => {
    const connection = { ...connectionOf(server), bucket: 'shared', prefix: 'hub/' };
    await ensureBucket(connection);
    const store = createS3Store({ ...connection, ...guard });
    const bytes = Buffer.alloc(20 * MiB, 'atoll');
    await store.put('large/ab/cd', sourceOf(bytes), { sizeBytes: bytes.length });
    await store.close();
    const { hostname, port } = new URL(server.endpoint);
    const other = new Client({
      endPoint: hostname,
      port: Number(port),
      useSSL: false,
      accessKey: server.accessKeyId,
      secretKey: server.secretAccessKey,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of await other.getObject('shared', 'hub/large/ab/cd'))
      chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });
});

describe('S3 by servers that misbehave', () => {
  test('an error in the body of an answer of success fails the put', async () => {
    const seen: string[] = [];
    await using server = await misbehavingServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (request.url?.includes('uploads')) {
        return void response.end(
          '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
        );
      }
      if (request.method === 'PUT') return void response.setHeader('etag', '"part"').end();
      if (request.method === 'DELETE') return void response.writeHead(204).end();
      response.end('<Error><Code>InternalError</Code><Message>Sorry.</Message></Error>');
    });
    const store = createS3Store({ ...server.connection, ...guard });
    const put = store.put('large', sourceOf(Buffer.alloc(20 * MiB)), { sizeBytes: 20 * MiB });
    await expect(put).rejects.toMatchObject({ code: 'Unavailable' });
    expect(seen.some((line) => line.startsWith('DELETE') && line.includes('uploadId=u1'))).toBe(true);
    await store.close();
  });

  test('bytes that the server says it took but did not keep fail the put', async () => {
    await using server = await misbehavingServer((request, response) => {
      if (request.method === 'HEAD') return void response.setHeader('content-length', '3').end();
      response.end();
    });
    const store = createS3Store({ ...server.connection, ...guard });
    await expect(store.put('short', Buffer.from('four'))).rejects.toMatchObject({
      code: 'Unavailable',
      details: { sent: 4, stored: 3 },
    });
    await store.close();
  });

  test('a full server is told apart from a broken one', async () => {
    await using server = await misbehavingServer((_, response) => void response.writeHead(507).end());
    const store = createS3Store({ ...server.connection, ...guard });
    await expect(store.put('full', Buffer.from('x'))).rejects.toMatchObject({ code: 'InsufficientStorage' });
    await store.close();
  });

  test('a small read survives answers that break off, and tries only so often', async () => {
    let broken = 2;
    let requests = 0;
    await using server = await misbehavingServer((_, response) => {
      requests++;
      response.writeHead(206, { 'content-length': '10' });
      if (broken-- > 0) response.write('01234', () => response.destroy());
      else response.end('0123456789');
    });
    const store = createS3Store({ ...server.connection, ...guard });
    expect((await store.read('flaky', { start: 0, end: 10 })).toString()).toBe('0123456789');
    expect(requests).toBe(3);
    broken = Infinity;
    requests = 0;
    await expect(store.read('flaky', { start: 0, end: 10 })).rejects.toMatchObject({ code: 'Unavailable' });
    expect(requests).toBe(4);
    await store.close();
  });

  test('a download that breaks off fails instead of ending early', async () => {
    await using server = await misbehavingServer((_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('only this', () => response.destroy());
    });
    const store = createS3Store({ ...server.connection, ...guard });
    const body = await store.get('broken');
    const read = async () => {
      for await (const chunk of body?.bytes ?? []) expect(chunk.length).toBeLessThan(1000);
    };
    await expect(read()).rejects.toMatchObject({ name: 'HubError', code: 'Unavailable' });
    await store.close();
  });

  test('a server that ignores ranges is not believed', async () => {
    await using server = await misbehavingServer((_, response) => void response.end('0123456789'));
    const store = createS3Store({ ...server.connection, ...guard });
    await expect(store.get('object', { start: 2, end: 4 })).rejects.toMatchObject({ code: 'Unavailable' });
    await store.close();
  });

  test('a server in trouble is asked a bounded number of times', async () => {
    let requests = 0;
    await using server = await misbehavingServer((_, response) => {
      requests++;
      response.writeHead(500).end();
    });
    const store = createS3Store({ ...server.connection, ...guard });
    await expect(store.head('object')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(requests).toBe(4);
    await store.close();
  });
});

async function misbehavingServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AsyncDisposable & { readonly connection: S3Options }> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    connection: {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      bucket: 'bucket',
      accessKeyId: 'key',
      secretAccessKey: 'secret',
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function* sourceOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}
