import type { Sha256 } from '../domain/ids.ts';
import { ownBuffer } from './handover.ts';
import type { WorkerPool } from './pool.ts';

/**
 * SHA-256 and length of a stream, hashed in a worker while the next bytes are read. The stream's arrays are handed
 * over: nobody else may use them. Rejects with the stream's own failure.
 */
export const digestStream = async (
  pool: WorkerPool,
  stream: AsyncIterable<Uint8Array>,
): Promise<{ readonly sha256: Sha256; readonly sizeBytes: number }> => {
  const session = await pool.open('sha256');
  try {
    let last: Promise<undefined> = Promise.resolve(undefined);
    for await (const part of stream) {
      const bytes = ownBuffer(part);
      // One part is hashed while the next is read; never more, so that memory stays bounded.
      await last;
      last = session.push(bytes, [bytes.buffer]);
      last.catch(() => undefined);
    }
    await last;
    return await session.close();
  } finally {
    session.abort();
  }
};
