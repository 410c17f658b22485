import { m } from './messages.ts';

/** A figure and its unit, apart, so that the unit can be dimmed. */
export interface Measure {
  readonly value: string;
  readonly unit: string;
}

const NARROW_SPACE = '\u202f';

/** A count with narrow spaces between thousands: `1 284`. */
export const formatCount = (count: number): string =>
  Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes in SI units with at most three significant digits: `14.5 GB`, `291 GB`, `1.64 TB`. */
export function measureBytes(bytes: number): Measure {
  let value = bytes;
  let step = 0;
  // 999.5 would be shown as 1000 of the smaller unit, so it already belongs to the next.
  while (value >= 999.5 && step < UNITS.length - 1) {
    value /= 1000;
    step += 1;
  }
  const unit = UNITS[step] ?? 'B';
  if (step === 0) return { value: String(Math.round(value)), unit };
  const decimals = value >= 99.95 ? 0 : unit === 'TB' && value < 9.995 ? 2 : 1;
  return { value: value.toFixed(decimals), unit };
}

/** `14.5 GB` as one text. */
export function formatBytes(bytes: number): string {
  const { value, unit } = measureBytes(bytes);
  return `${value}\u00a0${unit}`;
}

/** A rate, always readable at a glance: `12.8 MB/s`. */
export const formatRate = (bytesPerSecond: number): string => m.units.perSecond(formatBytes(bytesPerSecond));

/** Time left, rounded as people say it: seconds under a minute, minutes under an hour, then hours. */
export function formatTimeLeft(seconds: number): string {
  if (seconds < 50) return m.time.leftSeconds(Math.max(5, Math.ceil(seconds / 5) * 5));
  if (seconds < 3300) return m.time.leftMinutes(Math.max(1, Math.round(seconds / 60)));
  return m.time.leftHours(Math.max(1, Math.round(seconds / 3600)));
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const startOfDay = (time: Date): number =>
  new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();

/** How long ago, as short as a table column wants it: `8 min`, `5 h`, `yesterday`, `9 d`, `3 mo`, `2 y`. */
export function formatAge(time: Date, now: Date): string {
  const age = now.getTime() - time.getTime();
  if (age < MINUTE) return m.time.now;
  if (age < HOUR) return m.time.minutes(Math.floor(age / MINUTE));
  const days = Math.round((startOfDay(now) - startOfDay(time)) / DAY);
  if (days === 0) return m.time.hours(Math.floor(age / HOUR));
  if (days === 1) return m.time.yesterday;
  if (days < 31) return m.time.days(days);
  if (days < 365) return m.time.months(Math.floor(days / 30.4));
  return m.time.years(Math.floor(days / 365));
}

/** Date and time in full, for titles and details. */
export const formatMoment = (time: Date): string =>
  time.toLocaleString(m.locale, { dateStyle: 'medium', timeStyle: 'short' });

/** The hour and minute of a moment: `14:02`. */
export const formatClock = (time: Date): string =>
  time.toLocaleTimeString(m.locale, { hour: '2-digit', minute: '2-digit', hour12: false });

/** A day as a heading: `Tuesday, 24 November 2026`. */
export const formatDay = (time: Date): string =>
  time.toLocaleDateString(m.locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** A date in the short form of lists: `24 Nov 2026`. */
export const formatDate = (time: Date): string =>
  time.toLocaleDateString(m.locale, { day: 'numeric', month: 'short', year: 'numeric' });

/** The first seven digits of a commit id, as git shows it. */
export const shortOid = (oid: string): string => oid.slice(0, 7);

/** Both ends of a SHA-256: `9ac4…10fe`. */
export const endsOfHash = (hash: string): string => `${hash.slice(0, 4)}…${hash.slice(-4)}`;
