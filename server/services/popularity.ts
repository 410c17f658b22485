import type { DownloadDay, PopularRepo, RepoCounters } from '../db/questions/popularity.ts';
import type { Database } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import type { RepositoryId } from '../domain/ids.ts';
import { dayOf, KEPT_DAYS, type Day } from '../domain/popularity.ts';
import { REPO_KINDS, type RepoKind } from '../domain/repo.ts';
import type { Clock } from '../platform/clock.ts';
import type { Authorize, Granted } from './authorize.ts';

export interface TrendingRepo extends PopularRepo {
  /** Within the days that were asked about. */
  readonly recentDownloads: number;
}

/** Days from the first to the last, both included. */
export interface Period {
  readonly first: Day;
  readonly last: Day;
}

export interface Popularity {
  counters(granted: Granted<'read'>): Promise<RepoCounters>;
  /** Every one of the last `days` days, the oldest first, today last. */
  recent(granted: Granted<'read'>, days: number): Promise<readonly DownloadDay[]>;
  /** What people use these days among what the caller may see, of one kind or of all, the most used first. */
  trending(
    actor: Actor,
    query: { readonly kind: RepoKind | undefined; readonly days: number; readonly limit: number },
  ): Promise<readonly TrendingRepo[]>;
  /** Days of which `recent` and `trending` speak. */
  period(days: number): Period;
  /** Bring what depends on today's date up to date, and forget what is older than a year. Once a day. */
  turnDay(): Promise<void>;
}

/** Repositories of each kind that are looked at more closely to find the most used. */
const CANDIDATES = 200;
/** Repositories, or days of them, that one transaction changes. */
const SLICE = 200;

/** How much repositories are used; the formula is in `domain/popularity.ts`. */
export function createPopularity(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly authorize: Pick<Authorize, 'scope'>;
}): Popularity {
  const { db, clock, authorize } = parts;

  const period = (days: number): Period => {
    const last = dayOf(clock.now());
    return { first: last - days + 1, last };
  };

  return {
    period,

    counters: ({ repo }) => db.read((stores) => stores.repos.counters(repo.id)),

    async recent({ repo }, days) {
      const { first } = period(days);
      const known = await db.read((stores) => stores.popularity.downloadDays(repo.id, first));
      const byDay = new Map(known.map((one) => [one.day, one]));
      return Array.from(
        { length: days },
        (_, at) => byDay.get(first + at) ?? { day: first + at, downloads: 0, authenticated: 0, files: 0 },
      );
    },

    async trending(actor, { kind, days, limit }) {
      const { scope } = await authorize.scope(actor);
      const today = dayOf(clock.now());
      return db.read(async ({ popularity }) => {
        const candidates: PopularRepo[] = [];
        for (const one of kind === undefined ? REPO_KINDS : [kind])
          candidates.push(...(await popularity.mostUsed(scope, one, CANDIDATES)));
        const windows = await popularity.windows(
          candidates.map(({ repo }) => repo.id),
          today,
          days,
        );
        return candidates
          .flatMap((candidate) => {
            const window = windows.get(candidate.repo.id);
            return window ? [{ ...candidate, recentDownloads: window.downloads, score: window.score }] : [];
          })
          .sort((a, b) => b.score - a.score || b.repo.id - a.repo.id)
          .slice(0, limit);
      });
    },

    async turnDay() {
      const today = dayOf(clock.now());
      let after: RepositoryId | undefined;
      do {
        const from = after;
        after = await db.write((stores) => stores.popularity.recount(from, today, SLICE));
      } while (after !== undefined);
      while (
        (await db.write((stores) => stores.popularity.deleteDownloadDays(today - KEPT_DAYS, SLICE))) > 0
      );
    },
  };
}
