import type { Clock } from '../../../server/platform/clock.ts';

/** A clock whose time passes only in sleep: at once to the earliest who sleeps, when nobody else has work. */
export function createPassingClock(): Pick<Clock, 'monotonic' | 'sleep'> {
  let elapsed = 0;
  const sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  function wakeNext(): void {
    sleepers.sort((one, other) => one.until - other.until);
    const next = sleepers.shift();
    if (!next) return;
    elapsed = next.until;
    next.wake();
    if (sleepers.length > 0) setImmediate(wakeNext);
  }

  return {
    monotonic: () => elapsed,
    sleep: (ms) =>
      new Promise((wake) => {
        if (sleepers.length === 0) setImmediate(wakeNext);
        sleepers.push({ until: elapsed + ms, wake });
      }),
  };
}
