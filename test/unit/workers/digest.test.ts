import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { digestStream, hashStream } from '../../../server/workers/digest.ts';
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

describe('hashStream', () => {
  const KIB = 1024;
  const parts = Array.from({ length: 70 }, (_, seed) => sample(seed, 64 * KIB + 13 * seed));
  const whole = Buffer.concat(parts);
  const sha256 = createHash('sha256').update(whole).digest('hex');

  it('leaves a piece alone until the one after the next is asked for, and the last two to the end', async () => {
    using hashed = hashStream(pool, streamOf(parts), { isOwned: false });
    const held: { readonly piece: Uint8Array; readonly start: number }[] = [];
    let start = 0;
    for await (const piece of hashed.pieces) {
      held.push({ piece, start });
      start += piece.length;
      for (const last of held.slice(-2)) {
        expect(whole.subarray(last.start, last.start + last.piece.length).equals(last.piece)).toBe(true);
      }
    }
    for (const last of held.slice(-2)) {
      expect(whole.subarray(last.start, last.start + last.piece.length).equals(last.piece)).toBe(true);
    }
    expect(start).toBe(whole.length);
    expect(hashed.digest()).toEqual({ sha256, sizeBytes: whole.length });
  });

  it('holds the same memory however long the stream is, and hashes many at once apart', async () => {
    const memory = new Set<ArrayBufferLike>();
    const digests = await Promise.all(
      Array.from({ length: 6 }, async () => {
        using hashed = hashStream(pool, streamOf(parts), { isOwned: false });
        for await (const piece of hashed.pieces) memory.add(piece.buffer);
        return hashed.digest().sha256;
      }),
    );
    expect(new Set(digests)).toEqual(new Set([sha256]));
    expect(memory.size).toBe(6);
    const bytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBe(6 * 2 * KIB * KIB);
    // What is free again serves those to come.
    using next = hashStream(pool, streamOf(parts), { isOwned: false });
    for await (const piece of next.pieces) expect(memory.has(piece.buffer)).toBe(true);
  });

  it('frees arrays that are given up, and none that share their buffer', async () => {
    const [own, shared] = [new Uint8Array(100_000).fill(1), new Uint8Array(100_000).subarray(1)];
    using hashed = hashStream(pool, streamOf([own, shared]), { isOwned: true });
    for await (const piece of hashed.pieces) expect(piece.length).toBe(199_999);
    expect([own.length, shared.length]).toEqual([0, 99_999]);
    const content = Buffer.concat([Buffer.alloc(100_000, 1), Buffer.alloc(99_999)]);
    expect(hashed.digest().sha256).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('tells no digest of a stream that was left', async () => {
    using hashed = hashStream(pool, streamOf(parts), { isOwned: false });
    for await (const piece of hashed.pieces) {
      expect(piece.length).toBe(512 * KIB);
      break;
    }
    expect(() => hashed.digest()).toThrow('not read to its end');
  });
});
