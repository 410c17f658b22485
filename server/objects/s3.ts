import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { corruptObject, HubError, isHubError } from '../domain/errors.ts';
import { guardStore, rangeBehindEnd, storageFull } from './guard.ts';
import type { GuardOptions, ObjectBackend } from './guard.ts';
import type { ByteRange, ByteSource, ObjectBody, ObjectStore, StoredObject } from './object-store.ts';

export interface S3Options {
  /** Such as `http://127.0.0.1:9000`; absent for Amazon's own of the region. */
  readonly endpoint?: string;
  readonly region: string;
  readonly bucket: string;
  /** Put before every key as it is, such as `atoll/`. */
  readonly prefix?: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `https://host/bucket/key`, which every server understands; false for `https://bucket.host/key`. */
  readonly pathStyle?: boolean;
}

/** S3 takes at most 10,000 parts of an upload; all but the last are of one size. */
const MAX_PARTS = 10_000;
const PART_BYTES = 8 * 1024 * 1024;
/** Room for 160 GB when the size is not known beforehand. */
const PART_BYTES_UNKNOWN = 16 * 1024 * 1024;
const PARTS_AT_ONCE = 3;
const ATTEMPTS = 4;
const CONNECT_MS = 10_000;
/** Silence on a connection after which a request is given up and tried again. */
const SILENCE_MS = 60_000;
const CONNECTIONS = 256;

/** An object store in a bucket of an S3 server. The bucket must exist; see `buckets.ts`. */
export function createS3Store(options: S3Options & GuardOptions): ObjectStore {
  const { bucket, prefix = '', insideTransaction } = options;
  const client = new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    forcePathStyle: options.pathStyle ?? true,
    credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
    maxAttempts: ATTEMPTS,
    // Many servers know no checksum trailers. Every body is a buffer, so its SHA-256 is in the signature anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: { keepAlive: true, maxSockets: CONNECTIONS },
      httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS },
    },
  });
  const at = (key: string) => ({ Bucket: bucket, Key: prefix + key });

  async function head(key: string): Promise<StoredObject | undefined> {
    try {
      const found = await client.send(new HeadObjectCommand(at(key)));
      return { key, sizeBytes: found.ContentLength ?? 0, modifiedAt: found.LastModified?.getTime() ?? 0 };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async function get(key: string, range: ByteRange | undefined): Promise<ObjectBody | undefined> {
    try {
      const found = await client.send(
        new GetObjectCommand({
          ...at(key),
          ...(range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {}),
        }),
      );
      if (!(found.Body instanceof Readable)) throw new Error('The answer of the S3 server has no body.');
      const sizeBytes = found.ContentLength ?? 0;
      // A server that ignores the range would hand out the wrong bytes as the right ones.
      if (range && sizeBytes > range.end - range.start) {
        found.Body.destroy();
        throw new Error('The S3 server ignored the range of the request.');
      }
      return { sizeBytes, bytes: readBody(found.Body, sizeBytes) };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      if (!range || !isStatus(error, 416)) throw error;
      const object = await head(key);
      if (!object) return undefined;
      throw rangeBehindEnd(object.sizeBytes);
    }
  }

  /** A range, perhaps an empty one, of an object that must be there. */
  async function getPromised(key: string, range: ByteRange): Promise<ObjectBody> {
    if (range.start === range.end) {
      const object = await head(key);
      if (!object || object.sizeBytes < range.end) throw corruptObject(key);
      return { sizeBytes: 0, bytes: Readable.from([]) };
    }
    try {
      const body = await get(key, range);
      if (body) return body;
    } catch (error) {
      if (!isHubError(error, 'BadRange')) throw error;
    }
    throw corruptObject(key);
  }

  async function send(
    key: string,
    source: ByteSource | Uint8Array,
    sizeBytes: number | undefined,
  ): Promise<void> {
    if (source instanceof Uint8Array) {
      await client.send(new PutObjectCommand({ ...at(key), Body: source, ContentLength: source.byteLength }));
      return;
    }
    const partSize =
      sizeBytes === undefined ? PART_BYTES_UNKNOWN : Math.max(PART_BYTES, Math.ceil(sizeBytes / MAX_PARTS));
    const upload = new Upload({
      client,
      params: { ...at(key), Body: Readable.from(source) },
      partSize,
      queueSize: PARTS_AT_ONCE,
    });
    await upload.done();
  }

  const backend: ObjectBackend = {
    name: 's3',

    async write(key, source, sizeBytes) {
      const counted = countBytes(source);
      try {
        await send(key, counted.source, sizeBytes);
      } catch (error) {
        throw isStatus(error, 507) ? storageFull(error) : error;
      }
      // An answer of success is not yet an object: servers and proxies have been seen to answer 200 and drop it.
      const stored = await head(key);
      if (stored?.sizeBytes === counted.total()) return stored;
      await backend.delete(key);
      throw new HubError('Unavailable', 'The object store did not keep all bytes. Try again later.', {
        details: { key, sent: counted.total(), stored: stored?.sizeBytes },
      });
    },

    get: (key, range) => get(key, range),

    async read(key, range) {
      const wanted = range.end - range.start;
      let failure: unknown;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const body = await getPromised(key, range);
        if (body.sizeBytes !== wanted) throw corruptObject(key);
        try {
          return await collect(body.bytes);
        } catch (error) {
          // The connection broke within the body, which the client does not try again itself.
          failure = error;
        }
      }
      throw failure;
    },

    head,

    async delete(key) {
      try {
        await client.send(new DeleteObjectCommand(at(key)));
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    },

    async abortOlder(moment, isPutting) {
      let aborted = 0;
      let after: Pick<ListMultipartUploadsCommandOutput, 'NextKeyMarker' | 'NextUploadIdMarker'> = {};
      for (;;) {
        const page: ListMultipartUploadsCommandOutput = await client.send(
          new ListMultipartUploadsCommand({
            Bucket: bucket,
            Prefix: prefix,
            KeyMarker: after.NextKeyMarker,
            UploadIdMarker: after.NextUploadIdMarker,
          }),
        );
        for (const { Key: key = '', UploadId, Initiated } of page.Uploads ?? []) {
          if (!Initiated || Initiated.getTime() >= moment || isPutting(key.slice(prefix.length))) continue;
          await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId }));
          aborted++;
        }
        if (!page.IsTruncated) return aborted;
        after = page;
      }
    },

    async *list(keyPrefix) {
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix + keyPrefix });
      for await (const page of pages) {
        for (const { Key, Size, LastModified } of page.Contents ?? []) {
          if (Key === undefined) continue;
          yield {
            key: Key.slice(prefix.length),
            sizeBytes: Size ?? 0,
            modifiedAt: LastModified?.getTime() ?? 0,
          };
        }
      }
    },

    async close() {
      client.destroy();
    },
  };

  return guardStore(backend, { insideTransaction });
}

function countBytes(source: ByteSource | Uint8Array): {
  readonly source: ByteSource | Uint8Array;
  total(): number;
} {
  if (source instanceof Uint8Array) return { source, total: () => source.byteLength };
  let total = 0;
  async function* count(bytes: ByteSource): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      total += chunk.byteLength;
      yield chunk;
    }
  }
  return { source: count(source), total: () => total };
}

async function collect(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The bytes of an answer; destroys its connection when the consumer stops early or was never interested. */
function readBody(body: Readable, sizeBytes: number): ByteSource {
  const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  let rest = sizeBytes;
  const bytes: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => bytes,
    async next() {
      const next = await chunks.next();
      if (next.done) {
        if (rest > 0) throw new Error(`The S3 server broke off its answer ${rest} bytes early.`);
        return { done: true, value: undefined };
      }
      rest -= next.value.byteLength;
      return { done: false, value: next.value };
    },
    async return() {
      body.destroy();
      return { done: true, value: undefined };
    },
  };
  return bytes;
}

const isStatus = (error: unknown, status: number): error is S3ServiceException =>
  error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;

/** No such key. A bucket that is missing is a failure of the store, never an absent object. */
const isAbsent = (error: unknown): boolean => isStatus(error, 404) && error.name !== 'NoSuchBucket';
