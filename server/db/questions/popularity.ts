import type { RepositoryId } from '../../domain/ids.ts';
import type { Day } from '../../domain/popularity.ts';
import type { Repo, RepoKind } from '../../domain/repo.ts';
import type { RepoScope } from './repo-scope.ts';

/** What is counted of a repository. */
export interface RepoCounters {
  readonly likes: number;
  /** Of the last 30 days. */
  readonly downloads: number;
  readonly downloadsAllTime: number;
  readonly trending: number;
}

/** Downloads of one repository on one day. */
export interface DownloadDay {
  readonly day: Day;
  readonly downloads: number;
  /** Those among them by somebody who had signed in. */
  readonly authenticated: number;
  /** Files that were sent. */
  readonly files: number;
}

export interface PopularRepo extends RepoCounters {
  readonly repo: Repo;
}

/** What a repository got within some days. */
export interface PopularityWindow {
  readonly downloads: number;
  /** Points by `domain/popularity.ts`. */
  readonly score: number;
}

/** How much repositories are used. */
export interface PopularityStore {
  /** Add downloads to the days of repositories and to their counters; those of repositories that are gone are dropped. */
  addDownloads(
    counted: readonly ({ readonly repositoryId: RepositoryId } & DownloadDay)[],
    today: Day,
  ): Promise<void>;
  /** Days from `firstDay` on that had any, in order. */
  downloadDays(repositoryId: RepositoryId, firstDay: Day): Promise<readonly DownloadDay[]>;
  /** Repositories of a kind that a scope shows and somebody used lately: first by score, then by downloads, `limit` each. */
  mostUsed(scope: RepoScope, kind: RepoKind, limit: number): Promise<readonly PopularRepo[]>;
  /** What these repositories got in the last `days` days. */
  windows(
    repositoryIds: readonly RepositoryId[],
    today: Day,
    days: number,
  ): Promise<ReadonlyMap<RepositoryId, PopularityWindow>>;
  /**
   * Work out anew what depends on today's date, for the next `limit` repositories after an id. Answers the last one;
   * undefined when there is none.
   */
  recount(after: RepositoryId | undefined, today: Day, limit: number): Promise<RepositoryId | undefined>;
  /** Forget up to `limit` days of repositories that lie before a day; answers how many. */
  deleteDownloadDays(before: Day, limit: number): Promise<number>;
}
