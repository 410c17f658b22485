import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { digestStream } from '../../../server/workers/digest.ts';
import { createWorkerPool } from '../../../server/workers/pool.ts';
import { sample } from '../xet/builders.ts';

const pool = createWorkerPool({ size: 1 });
afterAll(() => pool.close());

async function* streamOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

describe('digestStream', () => {
  it('is the SHA-256 and length of what came', async () => {
    const parts = [sample(1, 70_000), sample(2, 3), Buffer.alloc(0), sample(3, 200_000)];
    const sha256 = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
    expect(await digestStream(pool, streamOf(parts))).toEqual({ sha256, sizeBytes: 270_003 });
  });

  it('is right for nothing at all', async () => {
    const sha256 = createHash('sha256').digest('hex');
    expect(await digestStream(pool, streamOf([]))).toEqual({ sha256, sizeBytes: 0 });
  });

  it('leaves alone the bytes around a part that lies in a larger buffer', async () => {
    const whole = new Uint8Array(100).fill(7);
    await digestStream(pool, streamOf([whole.subarray(10, 20)]));
    expect(whole).toEqual(new Uint8Array(100).fill(7));
  });

  it('passes on the failure of the stream', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('some');
      throw new Error('the disk is gone');
    };
    await expect(digestStream(pool, failing())).rejects.toThrow('the disk is gone');
  });
});
