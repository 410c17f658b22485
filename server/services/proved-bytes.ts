import { createHash } from 'node:crypto';
import { HubError } from '../domain/errors.ts';
import type { Sha256 } from '../domain/ids.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { hashStream } from '../workers/digest.ts';
import type { WorkerPool } from '../workers/pool.ts';

/** Bytes that are hashed while they pass. To be disposed of when nobody looks at them any more. */
export interface HashedBytes extends Disposable {
  readonly bytes: ByteSource;
  /** Whether `bytes` uses its arrays again, as `put` of an object store is told. */
  readonly reuse: boolean;
  /** Of all bytes, when they were read to the end. */
  sha256(): Sha256;
}

/** Hash bytes while they pass. The arrays of `source` are given up; `sizeBytes` is what it is expected to have. */
export type HashBytes = (source: ByteSource, sizeBytes: number) => HashedBytes;

/** What is hashed here before a thread has been told of it. */
const HASH_HERE_BYTES = 4 * 1024 * 1024;
/** Streams that are hashed in threads at a time; more of them are hashed here, which then has its share of the work. */
const STREAMS_ELSEWHERE = 4;

/** Large bodies are hashed in a worker, so that receiving, hashing and writing go on beside each other. */
export function createHashBytes(workers: WorkerPool): HashBytes {
  let elsewhere = 0;
  return (source, sizeBytes) => {
    if (sizeBytes <= HASH_HERE_BYTES || elsewhere >= STREAMS_ELSEWHERE) return hashHere(source);
    const hashed = hashStream(workers, source, { isOwned: true });
    let isHeld = true;
    elsewhere++;
    return {
      bytes: hashed.pieces,
      reuse: true,
      sha256: () => hashed.digest().sha256,
      [Symbol.dispose]() {
        if (isHeld) elsewhere--;
        isHeld = false;
        hashed[Symbol.dispose]();
      },
    };
  };
}

function hashHere(source: ByteSource): HashedBytes {
  const hash = createHash('sha256');
  async function* hashing(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  }
  return {
    bytes: hashing(),
    reuse: false,
    sha256: () => hash.digest('hex') as Sha256,
    [Symbol.dispose]: () => undefined,
  };
}

/**
 * Pass hashed bytes on, and fail at the end unless they are exactly what they were said to be. A store's put is all or
 * nothing, so bytes that fail here are never seen. Throws LfsMismatch.
 */
export async function* provedBytes(
  hashed: HashedBytes,
  claim: { readonly sha256: Sha256; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const chunk of hashed.bytes) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > claim.sizeBytes) {
      throw new HubError(
        'LfsMismatch',
        `More bytes arrived than the ${claim.sizeBytes} that were announced.`,
      );
    }
    yield chunk;
  }
  if (sizeBytes !== claim.sizeBytes) {
    throw new HubError('LfsMismatch', `Only ${sizeBytes} of ${claim.sizeBytes} bytes arrived.`);
  }
  if (hashed.sha256() !== claim.sha256) {
    throw new HubError('LfsMismatch', 'The bytes do not have the SHA-256 they were announced with.');
  }
}

/** Read a source to its end for the sake of what it proves. */
export async function drain(source: ByteSource): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
}
