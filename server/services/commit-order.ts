import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { walkCommits, type LoggedCommit } from '../git/commit-log.ts';
import { createKeyedQueue } from '../platform/keyed-queue.ts';
import type { RepoObjects } from './repo-objects.ts';

/** Commits reachable from a tip, in the order of `git log`, where no rows say the order because there are merges. */
export interface CommitOrder {
  page(repo: Repo, tip: Oid, skip: number, limit: number): Promise<readonly Oid[]>;
  /** How many commits come before this one; undefined when it is not reachable. */
  placeOf(repo: Repo, tip: Oid, oid: Oid): Promise<number | undefined>;
}

interface Walk {
  readonly oids: Oid[];
  readonly rest: AsyncGenerator<LoggedCommit, void, undefined>;
  isOver: boolean;
}

/**
 * The order below a tip never changes, so a walk is kept and goes on where the last page stopped: reading a history page
 * by page costs one walk and not one a page. `maxOids` bounds what is kept of all walks together.
 */
export function createCommitOrder(parts: {
  readonly repoObjects: RepoObjects;
  readonly maxOids: number;
}): CommitOrder {
  const { repoObjects, maxOids } = parts;
  const walks = new Map<string, Walk>();
  const queue = createKeyedQueue();

  function walkOf(repo: Repo, tip: Oid): Walk {
    const key = `${repo.id} ${tip}`;
    const known = walks.get(key);
    const walk = known ?? { oids: [], rest: walkCommits(repoObjects.open(repo), tip), isOver: false };
    walks.delete(key);
    walks.set(key, walk);
    return walk;
  }

  /** The longest unused go first; the one in use goes too when it is longer than everything may be. */
  function makeRoom(): void {
    let kept = 0;
    for (const [key, walk] of [...walks].reverse()) {
      kept += walk.oids.length;
      if (kept > maxOids) walks.delete(key);
    }
  }

  const withWalk = <Result>(
    repo: Repo,
    tip: Oid,
    read: (walk: Walk, more: () => Promise<boolean>) => Promise<Result>,
  ): Promise<Result> =>
    queue.run(`${repo.id} ${tip}`, async () => {
      const walk = walkOf(repo, tip);
      const more = async (): Promise<boolean> => {
        const next = await walk.rest.next();
        if (next.done) walk.isOver = true;
        else walk.oids.push(next.value.oid);
        return !next.done;
      };
      try {
        return await read(walk, more);
      } catch (error) {
        // A walk that broke off cannot go on: the next question begins another one.
        walks.delete(`${repo.id} ${tip}`);
        throw error;
      } finally {
        makeRoom();
      }
    });

  return {
    page: (repo, tip, skip, limit) =>
      withWalk(repo, tip, async (walk, more) => {
        while (!walk.isOver && walk.oids.length < skip + limit) await more();
        return walk.oids.slice(skip, skip + limit);
      }),

    placeOf: (repo, tip, oid) =>
      withWalk(repo, tip, async (walk, more) => {
        const place = walk.oids.indexOf(oid);
        if (place >= 0) return place;
        while (!walk.isOver) if ((await more()) && walk.oids.at(-1) === oid) return walk.oids.length - 1;
        return undefined;
      }),
  };
}
