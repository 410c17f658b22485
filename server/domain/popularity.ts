/** A day of UTC, numbered from 1970-01-01. */
export type Day = number;

export const DAY_MS = 86_400_000;
export const dayOf = (time: number): Day => Math.floor(time / DAY_MS);
/** `YYYY-MM-DD`. */
export const dayText = (day: Day): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** Days whose downloads make up the number that lists show, today included, as at huggingface.co. */
export const RECENT_DAYS = 30;
/** Days that the trending score looks back, today included. */
export const TRENDING_DAYS = 7;
/** How many downloads a like is worth. */
export const LIKE_WORTH = 10;
/** Days that are kept one by one, so that a year can be drawn. */
export const KEPT_DAYS = 366;

/**
 * Points that one download of a day adds to a score over so many days: all of them today, one less for each day
 * since, none for what lies before.
 */
export const pointsOf = (day: Day, today: Day, days = TRENDING_DAYS): number =>
  Math.min(days, Math.max(0, days - (today - day)));
