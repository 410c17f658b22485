import type { Actor } from '../domain/access.ts';
import { HubError } from '../domain/errors.ts';
import { partyOf } from './authorize.ts';

/** Packs that one person is sent at the same time, and all those of one address who did not sign in. */
const MOST_OF_A_USER = 8;
const MOST_ANONYMOUS = 32;
const PATIENCE_MS = 10 * 60 * 1000;

/**
 * Bounds how many packs are made for one person at the same time: a hundred jobs that clone together get them one
 * after the other, and leave something to everybody else.
 */
export interface FetchTurns {
  /**
   * Wait for a turn and hold it until the answer is disposed of. `onWait` is told when there is none free. Throws
   * TooManyRequests after ten minutes, and the signal's reason. `from` is the address of the client.
   */
  take(actor: Actor, from: string, signal: AbortSignal, onWait: () => void): Promise<Disposable>;
}

interface Line {
  taken: number;
  readonly waiting: (() => void)[];
}

export function createFetchTurns(
  limits: { readonly user: number; readonly anonymous: number; readonly patienceMs: number } = {
    user: MOST_OF_A_USER,
    anonymous: MOST_ANONYMOUS,
    patienceMs: PATIENCE_MS,
  },
): FetchTurns {
  const lines = new Map<string, Line>();

  function wait(line: Line, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (reason: Error): void => {
        line.waiting.splice(line.waiting.indexOf(go), 1);
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        reject(reason);
      };
      const go = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => leave(signal.reason as Error);
      const timer = setTimeout(
        () =>
          leave(new HubError('TooManyRequests', 'Too many of your fetches are under way. Try again later.')),
        limits.patienceMs,
      );
      signal.addEventListener('abort', abort);
      line.waiting.push(go);
    });
  }

  return {
    async take(actor, from, signal, onWait) {
      signal.throwIfAborted();
      const isAnonymous = actor.kind === 'anonymous';
      const key = isAnonymous ? `address ${from}` : partyOf(actor);
      const most = isAnonymous ? limits.anonymous : limits.user;
      const line = lines.get(key) ?? { taken: 0, waiting: [] };
      lines.set(key, line);
      if (line.taken < most) line.taken += 1;
      else {
        onWait();
        await wait(line, signal);
      }
      let isHeld = true;
      return {
        [Symbol.dispose]() {
          if (!isHeld) return;
          isHeld = false;
          const next = line.waiting.shift();
          if (next) next();
          else line.taken -= 1;
          if (line.taken === 0) lines.delete(key);
        },
      };
    },
  };
}
