import { beforeEach, describe, expect, it } from 'vitest';
import { createRightOfWay, type RightOfWay } from '../../../server/platform/right-of-way.ts';
import { createPassingClock } from './passing-clock.ts';

let clock = createPassingClock();
let rightOfWay: RightOfWay;
beforeEach(() => {
  clock = createPassingClock();
  rightOfWay = createRightOfWay(clock);
});

const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const started = clock.monotonic();
  await work;
  return clock.monotonic() - started;
};

describe('the right of way', () => {
  it('lets background work go on at once where nobody has it', async () => {
    expect(await elapsed(rightOfWay.giveWay())).toBe(0);
  });

  it('makes background work wait for all who have it, and a moment longer', async () => {
    const held = [100, 200].map((milliseconds) => rightOfWay.hold(() => clock.sleep(milliseconds)));
    expect(await elapsed(rightOfWay.giveWay())).toBe(300);
    await Promise.all(held);
  });

  it('is given back by work that fails', async () => {
    const failed = rightOfWay.hold(() => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    expect(await elapsed(rightOfWay.giveWay())).toBe(100);
  });

  it('never makes background work wait for ever', async () => {
    const end = Promise.withResolvers<void>();
    const held = rightOfWay.hold(() => end.promise);
    expect(await elapsed(rightOfWay.giveWay())).toBe(2000);
    end.resolve();
    await held;
  });

  it('does not hold up background work that somebody comes to wait for', async () => {
    const end = Promise.withResolvers<void>();
    const held = rightOfWay.hold(() => end.promise);
    let isNeeded = false;
    void clock.sleep(50).then(() => (isNeeded = true));
    expect(await elapsed(rightOfWay.giveWay(() => isNeeded))).toBe(60);
    end.resolve();
    await held;
  });

  it('is had by bytes while they are made, and not while nobody takes them', async () => {
    let isClosed = false;
    const bytes = rightOfWay.holdFor(
      (async function* () {
        try {
          yield Buffer.from('a');
          await clock.sleep(200);
          yield Buffer.from('b');
        } finally {
          isClosed = true;
        }
      })(),
    );
    await bytes.next();
    await clock.sleep(150);
    expect(await elapsed(rightOfWay.giveWay())).toBe(0);
    const next = bytes.next();
    expect(await elapsed(rightOfWay.giveWay())).toBe(300);
    expect((await next).value).toEqual(Buffer.from('b'));
    await bytes.return();
    expect(isClosed).toBe(true);
  });
});
