import type { Actor } from '../domain/access.ts';
import type { Clock } from '../platform/clock.ts';
import { createRateWindow, isLoopback, sourceOf, tooManyRequests, type RateWindow } from './rate-window.ts';

const WINDOW_MS = 5 * 60_000;
const WRONG_TOKENS = 1_000;

/** What is left of a quota, for the headers that clients read. */
export interface Quota {
  readonly name: string;
  readonly most: number;
  readonly remaining: number;
  readonly windowSeconds: number;
  readonly resetSeconds: number;
}

export interface RequestLimits {
  /**
   * Count an API request of a user, or of a source that did not sign in. Answers what is left; undefined where nothing is
   * counted: when the limit is off, and for requests from this computer. Throws TooManyRequests.
   */
  admit(actor: Actor, address: string): Quota | undefined;
  /** Count a token that is none. Throws TooManyRequests in place of another 401; a right token is never in its way. */
  wrongToken(address: string): void;
}

/** Limits for requests. What is counted for one user or source is never in the way of another. */
export function createRequestLimits(parts: {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** API requests in 5 minutes for each; 0 is no limit. */
  readonly apiRequests: number;
}): RequestLimits {
  const { clock, apiRequests } = parts;
  const api = createRateWindow({ clock, most: apiRequests, windowMs: WINDOW_MS });
  const wrong = createRateWindow({ clock, most: WRONG_TOKENS, windowMs: WINDOW_MS });

  return {
    admit(actor, address) {
      if (apiRequests === 0 || isLoopback(address)) return undefined;
      const key = actor.kind === 'user' ? `user ${actor.user.id}` : sourceOf(address);
      const { count, endsInMs } = api.used(key);
      if (count >= apiRequests) {
        throw tooManyRequests((wait) => `Too many requests. Try again in ${wait}.`, endsInMs, {
          name: 'api',
          window: api,
        });
      }
      api.add(key);
      return quotaOf('api', api, count + 1, endsInMs);
    },

    wrongToken(address) {
      if (isLoopback(address)) return;
      const source = sourceOf(address);
      const { count, endsInMs } = wrong.used(source);
      if (count >= WRONG_TOKENS) {
        throw tooManyRequests((wait) => `Too many wrong tokens. Try again in ${wait}.`, endsInMs, {
          name: 'token',
          window: wrong,
        });
      }
      wrong.add(source);
    },
  };
}

const quotaOf = (name: string, window: RateWindow, used: number, endsInMs: number): Quota => ({
  name,
  most: window.most,
  remaining: Math.max(0, window.most - used),
  windowSeconds: window.windowMs / 1000,
  resetSeconds: Math.ceil(endsInMs / 1000),
});
