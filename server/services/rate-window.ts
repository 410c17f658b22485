import { HubError } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';

const MOST_KEYS = 100_000;

export interface RateWindow {
  readonly most: number;
  readonly windowMs: number;
  /** How often this key was counted in its current window, and when that ends (milliseconds from now). */
  used(key: string): { readonly count: number; readonly endsInMs: number };
  /** Count one, or take some back with a negative number. */
  add(key: string, count?: number): void;
}

interface Count {
  used: number;
  readonly endsAt: number;
}

/**
 * Counts by key in windows of fixed length, which begin with the first count. Memory is bounded: when there are too
 * many keys, the one that was not counted for longest goes.
 */
export function createRateWindow(parts: {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly most: number;
  readonly windowMs: number;
}): RateWindow {
  const { clock, most, windowMs } = parts;
  const counts = new Map<string, Count>();

  return {
    most,
    windowMs,
    used(key) {
      const count = counts.get(key);
      const endsInMs = (count?.endsAt ?? 0) - clock.monotonic();
      return count && endsInMs > 0 ? { count: count.used, endsInMs } : { count: 0, endsInMs: windowMs };
    },
    add(key, count = 1) {
      const now = clock.monotonic();
      const known = counts.get(key);
      const current = known && known.endsAt > now ? known : { used: 0, endsAt: now + windowMs };
      current.used = Math.max(0, current.used + count);
      counts.delete(key);
      if (counts.size >= MOST_KEYS) makeRoom(counts);
      counts.set(key, current);
    },
  };
}

function makeRoom(counts: Map<string, unknown>): void {
  for (const oldest of counts.keys()) {
    counts.delete(oldest);
    return;
  }
}

/** Refuses for a while; `limit` names the bound in the headers that clients read. */
export function tooManyRequests(
  message: (wait: string) => string,
  waitMs: number,
  limit: { readonly name: string; readonly window: Pick<RateWindow, 'most' | 'windowMs'> },
): HubError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  const minutes = Math.ceil(retryAfterSeconds / 60);
  return new HubError('TooManyRequests', message(`${minutes} minute${minutes === 1 ? '' : 's'}`), {
    details: {
      retryAfterSeconds,
      limit: limit.name,
      quota: limit.window.most,
      windowSeconds: limit.window.windowMs / 1000,
    },
  });
}

/** An IPv4 address, or the /64 network of an IPv6 one, since a single host has all of it. */
export function sourceOf(address: string): string {
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

/** This computer itself. */
export const isLoopback = (address: string): boolean =>
  /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/i.test(address.replace(/%.*$/, ''));
