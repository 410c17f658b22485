import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { gunzipped } from '../../../server/http/gzip-body.ts';

const MOST = 1024 * 1024;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

async function inflate(bytes: Uint8Array, size = 1000, most = MOST): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of gunzipped(pieces(bytes, size), most)) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

const text = Array.from({ length: 5000 }, (_, index) => `0032want ${index * 7919}\n`).join('');
const body = gzipSync(text);
const fails = (bytes: Uint8Array, code: string, size?: number, most?: number) =>
  expect(inflate(bytes, size, most)).rejects.toMatchObject({ code });

describe('a gzip body', () => {
  it.each([1, 2, 7, 9, 10, 11, 100, 4096, body.length - 8, body.length - 1, body.length])(
    'is inflated from pieces of %i bytes',
    async (size) => expect(await inflate(body, size)).toBe(text),
  );

  it('may hold nothing', async () => expect(await inflate(gzipSync(''))).toBe(''));

  it('may have all the fields of a header that there are', async () => {
    const head = Buffer.from(body.subarray(0, 10));
    head[3] = 2 + 4 + 8 + 16;
    const fields = Buffer.from('\x03\x00abcname\0comment\0\x12\x34', 'latin1');
    const whole = Buffer.concat([head, fields, body.subarray(10)]);
    for (const size of [1, 5, whole.length]) expect(await inflate(whole, size)).toBe(text);
  });

  it.each([0, 1, 9, 10, 11, 100, body.length - 9, body.length - 8, body.length - 1])(
    'that is cut after %i bytes is refused',
    async (length) => {
      for (const size of [1, 64, 10_000]) await fails(body.subarray(0, length), 'InvalidBody', size);
    },
  );

  it.each([
    ['a second member', gzipSync('more')],
    ['a NUL', Buffer.from([0])],
    ['other bytes', Buffer.from('0000')],
  ])('with %s behind it is refused', async (_what, more) => {
    const whole = Buffer.concat([body, more]);
    for (const size of [1, body.length, whole.length]) await fails(whole, 'InvalidBody', size);
  });

  it('that is none, or damaged, is refused', async () => {
    await fails(Buffer.from(text), 'InvalidBody');
    for (const at of [2, 3, 30, body.length - 8, body.length - 1]) {
      const damaged = Buffer.from(body);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      await fails(damaged, 'InvalidBody');
    }
  });

  it('that inflates to more than it may is refused before it was read', async () => {
    let read = 0;
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces(bomb, 1024)) {
        read += piece.length;
        yield piece;
      }
    };
    const drain = async (): Promise<void> => {
      for await (const part of gunzipped(counted(), MOST)) void part;
    };
    await expect(drain()).rejects.toMatchObject({ code: 'BodyTooLarge' });
    expect(read).toBeLessThan(bomb.length / 10);
    const stalling = async function* (): AsyncGenerator<Uint8Array> {
      yield bomb.subarray(0, bomb.length / 2);
      await new Promise(() => undefined);
    };
    await expect(
      (async () => {
        for await (const part of gunzipped(stalling(), MOST)) void part;
      })(),
    ).rejects.toMatchObject({ code: 'BodyTooLarge' });
    await fails(body, 'BodyTooLarge', 1000, text.length - 1);
    expect(await inflate(body, 1000, text.length)).toBe(text);
  });

  it('whose source fails, fails with it', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield* pieces(body.subarray(0, 100), 50);
      throw new Error('gone');
    };
    const drain = async (): Promise<void> => {
      for await (const part of gunzipped(failing(), MOST)) void part;
    };
    await expect(drain()).rejects.toThrow('gone');
  });
});
