import fc from 'fast-check';
import { assert, describe, expect, it } from 'vitest';
import { encodeDelta, sharedStart } from '../../../server/git/delta-encode.ts';
import { applyDelta } from '../../../server/git/pack-entry.ts';
import { processorMs } from '../../support/turns.ts';
import { randomFrom } from './random-repo.ts';

const MEGABYTE = 1024 * 1024;

/** Bytes from few letters, so that stretches repeat. */
const someBytes = fc
  .array(
    fc.constantFrom('a', 'bc', 'the same line\n', 'another line of text\n', '\0\x01', 'x'.repeat(5000)),
    {
      maxLength: 60,
    },
  )
  .map((pieces) => Buffer.from(pieces.join('')));

describe('a delta', () => {
  it('makes exactly the result, whatever base and result are', async () => {
    await fc.assert(
      fc.asyncProperty(someBytes, someBytes, async (base, target) => {
        const delta = await encodeDelta(base, target, 2 * target.length + 64);
        expect(delta).toBeDefined();
        expect(applyDelta(base, delta as Buffer, MEGABYTE).equals(target)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is short where a large folder has one more entry, and where stretches moved', async () => {
    const random = randomFrom(1);
    const entry = (i: number): Buffer =>
      Buffer.concat([
        Buffer.from(`100644 file-${String(i).padStart(6, '0')}.txt\0`),
        Buffer.from(Array.from({ length: 20 }, () => Math.floor(random() * 256))),
      ]);
    const entries = Array.from({ length: 10_000 }, (_, i) => entry(i));
    const before = Buffer.concat(entries);
    const after = Buffer.concat([...entries.slice(0, 5000), entry(10_001), ...entries.slice(5000)]);
    const added = (await encodeDelta(before, after, 1000)) as Buffer;
    expect(added.length).toBeLessThan(120);
    expect(applyDelta(before, added, MEGABYTE).equals(after)).toBe(true);

    const turned = Buffer.concat([...entries.slice(5000), ...entries.slice(0, 5000)]);
    const moved = (await encodeDelta(before, turned, 1000)) as Buffer;
    expect(moved.length).toBeLessThan(200);
    expect(applyDelta(before, moved, MEGABYTE).equals(turned)).toBe(true);
  });

  it('is given up when it gets too long', async () => {
    const random = randomFrom(2);
    const noise = (): Buffer => Buffer.from(Array.from({ length: 5000 }, () => Math.floor(random() * 256)));
    expect(await encodeDelta(noise(), noise(), 4000)).toBeUndefined();
  });

  it('of content that only repeats takes time in proportion to its length', async () => {
    const base = Buffer.alloc(MEGABYTE, 'ab');
    const target = Buffer.concat([Buffer.from('c'), Buffer.alloc(MEGABYTE, 'ba'), Buffer.from('c')]);
    let delta: Buffer | undefined;
    const spent = await processorMs(async () => (delta = await encodeDelta(base, target, 10_000)));
    expect(spent).toBeLessThan(2000);
    assert(delta);
    expect(applyDelta(base, delta, 2 * MEGABYTE).equals(target)).toBe(true);
  });
});

describe('what two contents share at their start', () => {
  it('is counted to the byte', () => {
    fc.assert(
      fc.property(someBytes, someBytes, (a, b) => {
        let expected = 0;
        while (expected < Math.min(a.length, b.length) && a[expected] === b[expected]) expected += 1;
        expect(sharedStart(a, b)).toBe(expected);
      }),
    );
  });
});
