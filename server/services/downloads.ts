import type { DownloadDay } from '../db/questions/popularity.ts';
import type { Database } from '../db/stores.ts';
import type { NamespaceId, RepositoryId } from '../domain/ids.ts';
import { dayOf } from '../domain/popularity.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createDownloadRounds, type DownloadSign } from './download-rounds.ts';

export interface DownloadRequest {
  readonly repositoryId: RepositoryId;
  /** Undefined for somebody who did not say who they are. */
  readonly user: NamespaceId | undefined;
  /** Network address of the caller. */
  readonly address: string;
}

export interface Downloads {
  /** Take note of a request that is part of a download. Never waits, and never fails. */
  note(request: DownloadRequest, sign: DownloadSign): void;
  /** Write what is counted so far; also called by a timer. */
  flush(): Promise<void>;
}

/** What a kill may cost: the downloads of so many milliseconds. */
const FLUSH_MS = 2_000;
/** Repositories and days that are counted at once; what goes beyond until the next write is not counted. */
const MOST_COUNTED = 20_000;
/** Repositories that one transaction writes, so that others need not wait long. */
const SLICE = 500;

type Counted = { readonly repositoryId: RepositoryId } & {
  -readonly [Field in keyof DownloadDay]: DownloadDay[Field];
};

/**
 * Downloads, counted in memory and written together every few seconds: a download never waits for its being counted.
 * What a killed process had not written is lost, and nothing else.
 */
export function createDownloads(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}): Downloads {
  const { db, clock, log } = parts;
  const rounds = createDownloadRounds();
  let counted = new Map<string, Counted>();
  let timer: NodeJS.Timeout | undefined;
  let earlier = Promise.resolve();

  const start = (): void => void (timer ??= setTimeout(() => void flush(), FLUSH_MS).unref());

  function countsOf(repositoryId: RepositoryId, now: number): Counted | undefined {
    const day = dayOf(now);
    const key = `${repositoryId} ${day}`;
    const known = counted.get(key);
    if (known || counted.size >= MOST_COUNTED) return known;
    const fresh: Counted = { repositoryId, day, downloads: 0, authenticated: 0, files: 0 };
    counted.set(key, fresh);
    return fresh;
  }

  /** Also waits for a write that the timer began, so that nothing is under way when the database closes. */
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (counted.size > 0) {
      const whole = [...counted.values()];
      counted = new Map();
      earlier = earlier.then(() => writeAll(whole));
    }
    return earlier;
  }

  async function writeAll(whole: readonly Counted[]): Promise<void> {
    for (let at = 0; at < whole.length; at += SLICE) {
      const slice = whole.slice(at, at + SLICE);
      try {
        await db.write((stores) => stores.popularity.addDownloads(slice, dayOf(clock.now())));
      } catch (error) {
        log.warn('Downloads could not be counted; it is tried again.', { err: error });
        for (const one of slice) putBack(one);
      }
    }
  }

  function putBack({ repositoryId, day, downloads, authenticated, files }: Counted): void {
    const key = `${repositoryId} ${day}`;
    const newer = counted.get(key) ?? { repositoryId, day, downloads: 0, authenticated: 0, files: 0 };
    newer.downloads += downloads;
    newer.authenticated += authenticated;
    newer.files += files;
    if (counted.size < MOST_COUNTED) counted.set(key, newer);
    start();
  }

  return {
    flush,
    note({ repositoryId, user, address }, sign) {
      const now = clock.now();
      const caller = `${repositoryId} ${user ?? address}`;
      const begins = rounds.begins(caller, sign, now);
      const startsFile = sign.kind === 'sent' || (sign.kind === 'bytes' && sign.isStart);
      if (!begins && !startsFile) return;
      const counts = countsOf(repositoryId, now);
      if (!counts) return;
      if (startsFile) counts.files += 1;
      if (begins) counts.downloads += 1;
      if (begins && user !== undefined) counts.authenticated += 1;
      start();
    },
  };
}
