import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createGiveWay } from '../../../server/platform/give-way.ts';
import { createRightOfWay } from '../../../server/platform/right-of-way.ts';

const elapsed = async (work: () => Promise<void>): Promise<number> => {
  const started = performance.now();
  await work();
  return performance.now() - started;
};

describe('work that gives way', () => {
  it('pauses after a time in which the event loop was busy, and not after an idle one', async () => {
    const giveWay = createGiveWay(createRightOfWay());
    await sleep(60);
    expect(await elapsed(giveWay)).toBeLessThan(20);

    const until = performance.now() + 60;
    while (performance.now() < until);
    await sleep(0);
    expect(await elapsed(giveWay)).toBeGreaterThan(55);
  });

  it('judges a pause by nothing but what came after it', async () => {
    const giveWay = createGiveWay(createRightOfWay());
    await sleep(60);
    await giveWay();
    expect(await elapsed(giveWay)).toBeLessThan(10);
  });
});
