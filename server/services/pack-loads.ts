import { HubError } from '../domain/errors.ts';

/** Objects of all packs that are received at the same time: what is kept of each takes about a hundred bytes. */
const MOST_OBJECTS = 16_000_000;

/** What one pack that is being received keeps in memory. Dispose of it when that is released. */
export interface PackLoad extends Disposable {
  /** The pack has so many objects by now. Throws TooManyRequests when it had to make room for others. */
  grow(objectCount: number): void;
  /** Throws TooManyRequests when it had to make room for others. */
  check(): void;
}

/**
 * Keeps the memory of packs under way within one bound: when they are too much together, the one with the most objects
 * gives way, so that nobody who pushes a little is ever refused for those who push a lot.
 */
export interface PackLoads {
  /** `onGiveWay` is called at most once, and has to release what the pack keeps. */
  open(onGiveWay: () => void): PackLoad;
}

export function createPackLoads(mostObjects = MOST_OBJECTS): PackLoads {
  const counts = new Map<PackLoad, number>();
  const giveWay = new Map<PackLoad, () => void>();
  let total = 0;

  const remove = (load: PackLoad): void => {
    total -= counts.get(load) ?? 0;
    counts.delete(load);
  };

  const makeRoom = (): void => {
    while (total > mostObjects && counts.size > 1) {
      const [largest] = [...counts].reduce((most, other) => (other[1] > most[1] ? other : most));
      remove(largest);
      giveWay.get(largest)?.();
    }
  };

  return {
    open(onGiveWay) {
      const load: PackLoad = {
        grow(objectCount) {
          load.check();
          total += objectCount - (counts.get(load) ?? 0);
          counts.set(load, objectCount);
          makeRoom();
          load.check();
        },
        check() {
          if (counts.has(load)) return;
          throw new HubError(
            'TooManyRequests',
            'Too many objects are being pushed to this hub at the same time. Push again later, or fewer at a time.',
          );
        },
        [Symbol.dispose]() {
          remove(load);
          giveWay.delete(load);
        },
      };
      counts.set(load, 0);
      giveWay.set(load, onGiveWay);
      return load;
    },
  };
}
