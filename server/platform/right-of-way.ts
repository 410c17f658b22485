import type { Clock } from './clock.ts';

/** Requests come in groups: work that nobody waits for begins when none of them had work for so long. */
const QUIET_MS = 100;
/** And never waits longer than this for its next piece, however much is asked of the hub. */
const LONGEST_WAIT_MS = 2_000;
const LOOK_EVERY_MS = 20;

/** Decides who uses this process: what somebody waits for goes before what nobody waits for. */
export interface RightOfWay {
  /** Run what somebody waits for: the part of it that uses the machine, without waits for a peer. */
  hold<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The same for bytes: held while a piece is being made, and not while it is being sent. */
  holdFor(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined>;
  /**
   * For work that nobody waits for: call it between two pieces. It waits for those who hold the right of way, and for
   * a moment after the last, but never longer than two seconds, so that the work still gets done.
   *
   * @param isNeeded True once somebody does wait for this work; asked again and again.
   */
  giveWay(isNeeded?: () => boolean): Promise<void>;
}

export function createRightOfWay(clock: Pick<Clock, 'monotonic' | 'sleep'>): RightOfWay {
  let holders = 0;
  let freeSince = -Infinity;

  const hold: RightOfWay['hold'] = async (work) => {
    holders += 1;
    try {
      return await work();
    } finally {
      holders -= 1;
      if (holders === 0) freeSince = clock.monotonic();
    }
  };

  return {
    hold,

    async *holdFor(bytes) {
      const pieces = bytes[Symbol.asyncIterator]();
      try {
        for (;;) {
          const piece = await hold(() => pieces.next());
          if (piece.done === true) return;
          yield piece.value;
        }
      } finally {
        await pieces.return?.();
      }
    },

    async giveWay(isNeeded = () => false) {
      const latest = clock.monotonic() + LONGEST_WAIT_MS;
      for (;;) {
        const now = clock.monotonic();
        const clearAt = holders > 0 ? Infinity : freeSince + QUIET_MS;
        if (now >= Math.min(clearAt, latest) || isNeeded()) return;
        await clock.sleep(LOOK_EVERY_MS);
      }
    },
  };
}
