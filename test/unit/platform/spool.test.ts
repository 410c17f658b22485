import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSpool } from '../../../server/platform/spool.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-spool-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a spool', () => {
  it('gives back what was put in, whole and in parts, in memory and on disk', async () => {
    const pieces = fc.array(fc.tuple(fc.nat(255), fc.nat(400_000)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        pieces,
        fc.constantFrom(0, 100_000, 1_000_000, 1e9),
        fc.nat(),
        fc.nat(),
        async (list, memoryBytes, from, size) => {
          const spool = createSpool({ folder, memoryBytes });
          const model = Buffer.concat(list.map(([byte, length]) => Buffer.alloc(length, byte)));
          for (const [byte, length] of list) {
            const reused = Buffer.alloc(length, byte);
            const done = spool.append(reused);
            reused.fill(0);
            await done;
          }
          expect(spool.sizeBytes).toBe(model.length);
          const offset = from % (model.length + 1);
          const length = size % (model.length - offset + 1);
          expect((await spool.read(offset, length)).equals(model.subarray(offset, offset + length))).toBe(
            true,
          );
          const all: Buffer[] = [];
          for await (const piece of spool.bytes()) all.push(piece);
          expect(Buffer.concat(all).equals(model)).toBe(true);
          await spool.dispose();
          expect(readdirSync(folder)).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps the order of calls that overlap', async () => {
    const spool = createSpool({ folder, memoryBytes: 0 });
    await Promise.all(Array.from({ length: 40 }, (_, i) => spool.append(Buffer.alloc(100_000, i))));
    for (let i = 0; i < 40; i += 1) {
      expect((await spool.read(i * 100_000, 100_000)).equals(Buffer.alloc(100_000, i))).toBe(true);
    }
    await spool.dispose();
  });

  it('makes a file that only its owner can read, and only when memory is used up', async () => {
    const spool = createSpool({ folder, memoryBytes: 1000 });
    await spool.append(Buffer.alloc(1000));
    expect(readdirSync(folder)).toEqual([]);
    await spool.append(Buffer.alloc(1));
    const [name] = readdirSync(folder);
    expect(statSync(join(folder, name as string)).mode & 0o777).toBe(0o600);
    await spool.dispose();
  });

  it('refuses to read beyond its end, and anything once disposed of', async () => {
    const spool = createSpool({ folder, memoryBytes: 1000 });
    await spool.append(Buffer.alloc(10));
    await expect(spool.read(5, 6)).rejects.toThrow(RangeError);
    await expect(spool.read(-1, 2)).rejects.toThrow(RangeError);
    await spool.dispose();
    await spool.dispose();
    await expect(spool.append(Buffer.alloc(1))).rejects.toThrow(RangeError);
    await expect(spool.read(0, 1)).rejects.toThrow(RangeError);
  });

  it('reports a folder that is not there to whoever appends', async () => {
    const spool = createSpool({ folder: join(folder, 'absent'), memoryBytes: 0 });
    await expect(spool.append(Buffer.alloc(300_000))).rejects.toMatchObject({ code: 'ENOENT' });
    await spool.dispose();
  });
});
