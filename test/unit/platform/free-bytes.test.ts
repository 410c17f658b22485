import { expect, test } from 'vitest';
import { freeBehind, freeBytes } from '../../../server/platform/free-bytes.ts';
import { createSlabs } from '../../../server/platform/slabs.ts';

test('an array that has its buffer alone is freed, and no other', () => {
  const alone = new Uint8Array(100_000);
  freeBytes(alone);
  expect(alone.byteLength).toBe(0);
  const shared = new Uint8Array(100_000);
  const part = shared.subarray(0, 50_000);
  freeBytes(part);
  expect(part.byteLength).toBe(50_000);
  const betweenThreads = new Uint8Array(new SharedArrayBuffer(100));
  freeBytes(betweenThreads);
  expect(betweenThreads.byteLength).toBe(100);
});

test('an array is freed when the one after the next is asked for, and not before', async () => {
  const pieces = [1, 2, 3, 4].map((value) => new Uint8Array(1000).fill(value));
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield* pieces;
  };
  const got: Uint8Array[] = [];
  for await (const piece of freeBehind(source())) {
    got.push(piece);
    // This one and the one before it may still be on their way to somebody.
    for (const held of got.slice(-2)) expect(held.byteLength).toBe(1000);
    for (const over of got.slice(0, -2)) expect(over.byteLength).toBe(0);
  }
  expect(got.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0, 1000]);
  expect(got[3]?.[999]).toBe(4);
});

test('a source is ended by whoever stops reading behind', async () => {
  let isEnded = false;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(10);
    } finally {
      isEnded = true;
    }
  };
  for await (const piece of freeBehind(source())) if (piece.byteLength === 10) break;
  expect(isEnded).toBe(true);
});

test('buffers are cut from slabs without overlapping', () => {
  const allocate = createSlabs();
  const lengths = Array.from({ length: 100 }, (_, i) => 1 + ((i * 7919) % 60_000));
  const buffers = lengths.map((length) => allocate(length));
  for (const [i, buffer] of buffers.entries()) buffer.fill(i);
  for (const [i, buffer] of buffers.entries())
    expect(buffer.equals(Buffer.alloc(lengths[i] ?? 0, i))).toBe(true);
  expect(new Set(buffers.map(({ buffer }) => buffer)).size).toBeLessThan(20);
  const large = allocate(200_000);
  expect(large.buffer.byteLength).toBe(200_000);
});
