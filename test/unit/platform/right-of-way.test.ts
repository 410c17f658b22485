import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createRightOfWay } from '../../../server/platform/right-of-way.ts';

const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work;
  return performance.now() - started;
};

describe('the right of way', () => {
  it('lets background work go on at once where nobody has it', async () => {
    expect(await elapsed(createRightOfWay().giveWay())).toBeLessThan(20);
  });

  it('makes background work wait for all who have it, and a moment longer', async () => {
    const rightOfWay = createRightOfWay();
    const held = [100, 200].map((milliseconds) => rightOfWay.hold(() => sleep(milliseconds)));
    expect(await elapsed(rightOfWay.giveWay())).toBeGreaterThan(250);
    await Promise.all(held);
  });

  it('is given back by work that fails', async () => {
    const rightOfWay = createRightOfWay();
    const failed = rightOfWay.hold(() => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    expect(await elapsed(rightOfWay.giveWay())).toBeLessThan(1000);
  });

  it('never makes background work wait for ever', async () => {
    const rightOfWay = createRightOfWay();
    const end = Promise.withResolvers<void>();
    const held = rightOfWay.hold(() => end.promise);
    const waited = await elapsed(rightOfWay.giveWay());
    expect(waited).toBeGreaterThan(1500);
    expect(waited).toBeLessThan(4000);
    end.resolve();
    await held;
  });

  it('does not hold up background work that somebody comes to wait for', async () => {
    const rightOfWay = createRightOfWay();
    const end = Promise.withResolvers<void>();
    const held = rightOfWay.hold(() => end.promise);
    let isNeeded = false;
    setTimeout(() => (isNeeded = true), 50);
    expect(await elapsed(rightOfWay.giveWay(() => isNeeded))).toBeLessThan(1000);
    end.resolve();
    await held;
  });

  it('is had by bytes while they are made, and not while nobody takes them', async () => {
    const rightOfWay = createRightOfWay();
    let isClosed = false;
    const bytes = rightOfWay.holdFor(
      (async function* () {
        try {
          yield Buffer.from('a');
          await sleep(200);
          yield Buffer.from('b');
        } finally {
          isClosed = true;
        }
      })(),
    );
    await bytes.next();
    await sleep(150);
    expect(await elapsed(rightOfWay.giveWay())).toBeLessThan(20);
    const next = bytes.next();
    expect(await elapsed(rightOfWay.giveWay())).toBeGreaterThan(150);
    expect((await next).value).toEqual(Buffer.from('b'));
    await bytes.return();
    expect(isClosed).toBe(true);
  });
});
