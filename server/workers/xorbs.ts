import type { XetHash } from '../domain/ids.ts';
import { copyBuffer, ownBuffer } from './handover.ts';
import type { WorkerPool } from './pool.ts';

/** A xorb that was proved, ready to be stored. */
export interface UploadedXorb {
  /** The chunk records, without the footer that may have followed them. */
  readonly content: Uint8Array;
  /** Stored form of the chunk index (`xet/chunk-index.ts`). */
  readonly chunkIndex: Uint8Array;
  readonly chunkCount: number;
  readonly rawBytes: number;
}

/** `verifyXorb` in a worker. Takes `bytes` away from the caller; throws `InvalidObject` as it does. */
export const verifyXorbInWorker = (
  pool: WorkerPool,
  bytes: Uint8Array,
  expected: XetHash,
): Promise<UploadedXorb> => {
  const handed = ownBuffer(bytes);
  return pool.run('verifyXorb', { bytes: handed, expected }, [handed.buffer]);
};

/** `inflateBlock` in a worker, for the reader of Xet files. `records` stays with the caller. */
export const inflateBlockInWorker = (
  pool: WorkerPool,
  records: Uint8Array,
  rawBytes: number,
): Promise<Uint8Array> => {
  const copy = copyBuffer(records);
  return pool.run('inflateBlock', { records: copy, rawBytes }, [copy.buffer]);
};
