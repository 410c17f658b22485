import { setTimeout as sleepFor } from 'node:timers/promises';

/** Where time comes from. Everything that asks what time it is takes one of these, so that tests can set it. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. Can jump when somebody sets the machine's clock. */
  now(): number;
  /** Milliseconds since an arbitrary start; never jumps. For measuring how long something took. */
  monotonic(): number;
  /** Resolve after `ms`; reject with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleepFor(ms, undefined, signal ? { signal } : {});
  },
};
