import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTimeSlice } from '../../../server/platform/time-slice.ts';

const SLICE_MS = 4;

let now = 0;

beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});

afterEach(() => {
  vi.restoreAllMocks();
});

const hold = (ms: number): void => void (now += ms);

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a slice of the event loop', () => {
  test('is over once the turn was held for as long, by whomever', async () => {
    await turn();
    const [own, other] = [createTimeSlice(SLICE_MS), createTimeSlice(SLICE_MS)];
    expect(own.isOver()).toBe(false);
    hold(SLICE_MS);
    expect(own.isOver()).toBe(true);
    expect(other.isOver()).toBe(true);
    expect(createTimeSlice(SLICE_MS * 1000).isOver()).toBe(false);
  });

  test('begins anew with the next turn', async () => {
    const slice = createTimeSlice(SLICE_MS);
    slice.isOver();
    hold(SLICE_MS);
    await turn();
    expect(slice.isOver()).toBe(false);
    hold(SLICE_MS);
    await slice.next();
    expect(createTimeSlice(SLICE_MS * 1000).isOver()).toBe(false);
    expect(slice.isOver()).toBe(false);
  });

  test('comes to those who wait one after the other, with I/O in between', async () => {
    const heard: string[] = [];
    const rounds = 3;
    let isDone = false;
    const others = (async () => {
      while (!isDone) {
        await turn();
        heard.push('others');
      }
    })();
    await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const slice = createTimeSlice(SLICE_MS);
        for (let round = 0; round < rounds; round++) {
          await slice.next();
          heard.push(name);
        }
      }),
    );
    isDone = true;
    await others;
    expect(heard.filter((who) => who !== 'others')).toEqual(Array(rounds).fill(['a', 'b', 'c']).flat());
    expect(heard.some((who, at) => who !== 'others' && at > 0 && heard[at - 1] !== 'others')).toBe(false);
  });
});
