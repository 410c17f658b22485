import type { Database } from '../db/stores.ts';
import type { XetHash } from '../domain/ids.ts';
import { xorbChunksKey, xorbKey } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import { createKeyedQueue } from '../platform/keyed-queue.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { parseChunkIndex } from '../xet/chunk-index.ts';
import { samplesOf } from '../xet/samples.ts';

export interface XorbKeeper {
  /** Prove a xorb and keep it; its buffer is handed over. Answers whether it is new. Throws InvalidObject. */
  keep(hash: XetHash, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
}

/** Xorbs on their way in: proved in a worker, then content, then chunk index, then the row. */
export function createXorbKeeper(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly workers: WorkerPool;
}): XorbKeeper {
  const { db, objects, clock, workers } = parts;
  const queue = createKeyedQueue();
  return {
    async keep(hash, bytes) {
      const proved = await workers.run('verifyXorb', { bytes, expected: hash }, [bytes.buffer]);
      // Another client may compress the same chunks to other bytes: content and index must be of one upload.
      const isNew = await queue.run(hash, async () => {
        const [known] = await db.read((stores) => stores.xet.findXorbs([hash]));
        if (known) return false;
        await objects.put(xorbKey(hash), proved.content);
        await failPoint('xorb-stored');
        await objects.put(xorbChunksKey(hash), proved.chunkIndex);
        await failPoint('xorb-indexed');
        const { rawBytes, chunkCount } = proved;
        const row = { hash, sizeBytes: proved.content.byteLength, rawBytes, chunkCount };
        const samples = samplesOf(parseChunkIndex(proved.chunkIndex).hashes);
        await db.write((stores) => stores.xet.addXorb(row, samples, clock.now()));
        await failPoint('xorb-kept');
        return true;
      });
      // Only where all went well: a write that failed may still look at them.
      freeBytes(new Uint8Array(proved.content.buffer));
      return isNew;
    },
  };
}
