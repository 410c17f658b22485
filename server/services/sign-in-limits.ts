import { HubError } from '../domain/errors.ts';
import { foldName } from '../domain/names.ts';
import type { Clock } from '../platform/clock.ts';

const WINDOW_MS = 5 * 60_000;
const PER_SOURCE = 30;
const PER_ACCOUNT_AND_SOURCE = 10;
const PER_ACCOUNT = 100;
const MOST_KEYS = 100_000;

export interface Attempt {
  /** The password was right: the attempt does not count, and this source is known for this account. */
  succeeded(): void;
}

export interface SignInLimits {
  /** Count an attempt. Throws TooManyRequests, with `retryAfterSeconds`, before any password is looked at. */
  begin(account: string, source: string): Attempt;
}

interface Count {
  used: number;
  endsAt: number;
}

/**
 * How often passwords may be guessed: 10 wrong ones in 5 minutes for an account from one source, 30 from one source
 * over all accounts, 100 for an account over all sources. Refused attempts do not prolong the wait. The last bound
 * does not hold for a source from which that account has signed in before, so that nobody can keep others out by
 * guessing; a stranger with one address shuts out only himself.
 */
export function createSignInLimits(clock: Pick<Clock, 'monotonic'>): SignInLimits {
  const counts = new Map<string, Count>();
  const known = new Set<string>();

  function countOf(key: string): Count {
    const now = clock.monotonic();
    const count = counts.get(key);
    if (count && count.endsAt > now) return count;
    counts.delete(key);
    makeRoom(counts);
    const fresh = { used: 0, endsAt: now + WINDOW_MS };
    counts.set(key, fresh);
    return fresh;
  }

  return {
    begin(account, address) {
      const name = foldName(account);
      const source = sourceOf(address);
      const pair = `${name} ${source}`;
      const bounds: (readonly [Count, number])[] = [
        [countOf(`from ${source}`), PER_SOURCE],
        [countOf(`to ${pair}`), PER_ACCOUNT_AND_SOURCE],
      ];
      if (!known.has(pair)) bounds.push([countOf(`all ${name}`), PER_ACCOUNT]);
      const reached = bounds.filter(([count, most]) => count.used >= most).map(([count]) => count.endsAt);
      if (reached.length > 0) throw tooMany(Math.max(...reached) - clock.monotonic());
      for (const [count] of bounds) count.used += 1;
      return {
        succeeded() {
          for (const [count] of bounds) count.used -= 1;
          known.delete(pair);
          makeRoom(known);
          known.add(pair);
        },
      };
    },
  };
}

function tooMany(waitMs: number): HubError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  const minutes = Math.ceil(retryAfterSeconds / 60);
  return new HubError(
    'TooManyRequests',
    `Too many failed attempts. Try again in ${minutes} minute${minutes === 1 ? '' : 's'}.`,
    { details: { retryAfterSeconds } },
  );
}

/** Memory is bounded: the oldest entry goes when there are too many. */
function makeRoom(entries: Map<string, unknown> | Set<string>): void {
  if (entries.size < MOST_KEYS) return;
  for (const oldest of entries.keys()) {
    entries.delete(oldest);
    return;
  }
}

/** An IPv4 address, or the /64 network of an IPv6 one, since a single host has all of it. */
function sourceOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
  }
  return groups.slice(0, 4).join(':');
}
