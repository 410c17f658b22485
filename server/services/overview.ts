import type { Database } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import type { RepoKind } from '../domain/repo.ts';
import { freeSpace } from '../platform/disk.ts';
import type { CommitSummary, History } from './history.ts';
import type { ListedRepo, Repositories } from './repositories.ts';
import type { RepoInfo } from './repo-info.ts';

export interface RecentRepo extends ListedRepo {
  readonly usedStorage: number;
  readonly lastCommit: CommitSummary | undefined;
}

export interface Overview {
  readonly counts: Readonly<Record<RepoKind, number>>;
  /** Bytes of large objects held here, once each however many repositories use them. */
  readonly heldBytes: number;
  readonly bytesByKind: Readonly<Record<RepoKind, number>>;
  /** Of the volume of the data folder; undefined where the system does not tell. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  readonly recent: readonly RecentRepo[];
}

const RECENT = 8;

/** What somebody sees first: what there is, how much room it takes, and what changed last. */
export function createOverview(parts: {
  readonly db: Database;
  readonly repositories: Repositories;
  readonly history: History;
  readonly info: RepoInfo;
  readonly dataFolder: string;
}): { overview(actor: Actor): Promise<Overview> } {
  const { db, repositories, history, info } = parts;

  async function describe(listed: ListedRepo): Promise<RecentRepo> {
    const { repo, head } = listed;
    const page = head && (await history.page(repo, head, 0, 1));
    return { ...listed, usedStorage: await info.usedStorage(repo), lastCommit: page?.commits[0] };
  }

  return {
    async overview(actor) {
      const pages = await Promise.all(
        (['model', 'dataset', 'space'] as const).map((kind) =>
          repositories.list(actor, {
            kind,
            sort: 'updatedAt',
            direction: 'descending',
            limit: RECENT,
          }),
        ),
      );
      const newest = pages.flat().sort((a, b) => b.repo.updatedAt - a.repo.updatedAt);
      const recent: RecentRepo[] = [];
      for (const listed of newest.slice(0, RECENT)) recent.push(await describe(listed));
      const { totals, bytesByKind } = await db.read(async ({ largeObjects }) => ({
        totals: await largeObjects.totals(),
        bytesByKind: await largeObjects.linkedBytesByKind(),
      }));
      return {
        counts: await repositories.counts(actor),
        heldBytes: totals.sizeBytes,
        bytesByKind,
        disk: await freeSpace(parts.dataFolder),
        recent,
      };
    },
  };
}
