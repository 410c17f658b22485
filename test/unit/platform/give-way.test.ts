import { describe, expect, it } from 'vitest';
import { createGiveWay } from '../../../server/platform/give-way.ts';
import { createRightOfWay } from '../../../server/platform/right-of-way.ts';
import { createPassingClock } from './passing-clock.ts';

/** Work that gives way on an event loop that was idle and busy for so many milliseconds. */
function startWork() {
  const clock = createPassingClock();
  const loop = { idle: 0, active: 0 };
  const giveWay = createGiveWay(
    createRightOfWay(clock),
    clock,
    (before = { idle: 0, active: 0, utilization: 0 }) => {
      const [idle, active] = [loop.idle - before.idle, loop.active - before.active];
      return { idle, active, utilization: active / (idle + active) };
    },
  );
  return {
    loop,
    async pause(): Promise<number> {
      const before = clock.monotonic();
      await giveWay();
      return clock.monotonic() - before;
    },
  };
}

describe('work that gives way', () => {
  it('pauses after a time in which the event loop was busy, and not after an idle one', async () => {
    const { loop, pause } = startWork();
    loop.idle += 60;
    expect(await pause()).toBe(0);
    loop.active += 30;
    expect(await pause()).toBe(90);
  });

  it('never pauses longer than it takes to get the work done', async () => {
    const { loop, pause } = startWork();
    loop.active += 10_000;
    expect(await pause()).toBe(120);
  });

  it('judges a pause by nothing but what came after it', async () => {
    const { loop, pause } = startWork();
    loop.active += 30;
    expect(await pause()).toBe(90);
    loop.idle += 30;
    expect(await pause()).toBe(0);
  });

  it('does not judge by a moment', async () => {
    const { loop, pause } = startWork();
    loop.active += 15;
    expect(await pause()).toBe(0);
    loop.active += 15;
    expect(await pause()).toBe(90);
  });
});
