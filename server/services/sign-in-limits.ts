import { foldName } from '../domain/names.ts';
import type { Clock } from '../platform/clock.ts';
import { createRateWindow, sourceOf, tooManyRequests } from './rate-window.ts';

const WINDOW_MS = 5 * 60_000;
const PER_SOURCE = 30;
const PER_PAIR = 10;
/** What is left to a strange source while an account is being guessed at from many. */
const PER_PAIR_UNDER_ATTACK = 3;
/** So many wrong passwords for one account, over all sources, are an attack. */
const ATTACK = 100;
/** Passwords of one source that are being hashed at the same time. */
const AT_ONCE = 6;
const MOST_KNOWN = 100_000;

export interface Attempt {
  /** The password was right: the attempt does not count, and this source is known for this account. */
  succeeded(): void;
  /** To be called however it ended. */
  done(): void;
}

export interface SignInLimits {
  /** Count an attempt. Throws TooManyRequests, with `retryAfterSeconds`, before any password is looked at. */
  begin(account: string, source: string): Attempt;
}

/**
 * How often passwords may be guessed, so that whoever guesses shuts out himself alone. 10 wrong ones in 5 minutes for an
 * account from one source, 30 from one source over all accounts. There is no bound for an account over all sources that
 * would keep its owner out: under attack a source that is new to the account still has 3 attempts, and one from which the
 * account has signed in before keeps its 10, whatever else its address does. One source holds at most 6 of the places in
 * which passwords are hashed.
 */
export function createSignInLimits(clock: Pick<Clock, 'monotonic'>): SignInLimits {
  const window = (most: number) => createRateWindow({ clock, most, windowMs: WINDOW_MS });
  const ofSource = window(PER_SOURCE);
  const ofPair = window(PER_PAIR);
  const ofAccount = window(ATTACK);
  const known = new Set<string>();
  const running = new Map<string, number>();

  function check(name: string, source: string, pair: string): void {
    const isKnown = known.has(pair);
    const isAttacked = !isKnown && ofAccount.used(name).count >= ATTACK;
    const pairNow = ofPair.used(pair);
    const sourceNow = ofSource.used(source);
    const waits = [
      pairNow.count >= (isAttacked ? PER_PAIR_UNDER_ATTACK : PER_PAIR) ? pairNow.endsInMs : 0,
      !isKnown && sourceNow.count >= PER_SOURCE ? sourceNow.endsInMs : 0,
      (running.get(source) ?? 0) >= AT_ONCE ? 1000 : 0,
    ];
    const waitMs = Math.max(...waits);
    if (waitMs <= 0) return;
    throw tooManyRequests((wait) => `Too many failed attempts. Try again in ${wait}.`, waitMs, {
      name: 'login',
      window: ofPair,
    });
  }

  return {
    begin(account, address) {
      const name = foldName(account);
      const source = sourceOf(address);
      const pair = `${name} ${source}`;
      check(name, source, pair);
      const count = (by: number): void => {
        ofSource.add(source, by);
        ofPair.add(pair, by);
        ofAccount.add(name, by);
      };
      count(1);
      running.set(source, (running.get(source) ?? 0) + 1);
      return {
        succeeded() {
          count(-1);
          remember(known, pair);
        },
        done() {
          const left = (running.get(source) ?? 1) - 1;
          if (left > 0) running.set(source, left);
          else running.delete(source);
        },
      };
    },
  };
}

/** Memory is bounded: the one that was not seen for longest goes when there are too many. */
function remember(known: Set<string>, pair: string): void {
  known.delete(pair);
  if (known.size >= MOST_KNOWN) {
    const [oldest] = known;
    if (oldest !== undefined) known.delete(oldest);
  }
  known.add(pair);
}
