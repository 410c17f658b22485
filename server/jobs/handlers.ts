import type { Database } from '../db/stores.ts';
import type { RepositoryId } from '../domain/ids.ts';
import { DAY_MS, dayOf } from '../domain/popularity.ts';
import { isReadableRef } from '../domain/revision.ts';
import type { Clock } from '../platform/clock.ts';
import { commitRefs } from '../services/commit-refs.ts';
import type { Facts } from '../services/facts.ts';
import type { History } from '../services/history.ts';
import type { OAuthGrants } from '../services/oauth-grants.ts';
import type { Popularity } from '../services/popularity.ts';
import type { RepoObjects } from '../services/repo-objects.ts';
import type { createRollUp } from '../services/roll-up.ts';
import { INDEX_HISTORY_JOB } from '../services/ref-updates.ts';
import type { Sessions } from '../services/sessions.ts';
import type { createSweep } from '../services/sweep.ts';
import type { JobHandler } from './runner.ts';

const FACTS_JOB = 'derive-facts';
const ROLL_UP_JOB = 'roll-up';
const SWEEP_JOB = 'sweep';
const SWEEP_EVERY_MS = 60 * 60_000;
/** At the beginning of each day of UTC. */
const NEW_DAY_JOB = 'new-day';

/** Every kind of job and what it calls. */
export function createJobHandlers(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly repoObjects: Pick<RepoObjects, 'open'>;
  readonly history: History;
  readonly popularity: Popularity;
  readonly facts: Facts;
  readonly rollUps: ReturnType<typeof createRollUp>;
  readonly sweeps: ReturnType<typeof createSweep>;
  readonly sessions: Sessions;
  readonly oauthGrants: OAuthGrants;
}): Readonly<Record<string, JobHandler>> {
  const { db, clock, repoObjects, history, facts, popularity, rollUps, sweeps, sessions, oauthGrants } =
    parts;

  async function enqueue(kind: string, key: string, runAt: number): Promise<void> {
    await db.write((stores) => stores.jobs.enqueue({ kind, key, payload: '', runAt }, clock.now()));
  }

  return {
    /** After refs moved: derive facts and the history of their commits, and see whether the hot rows are due. */
    [INDEX_HISTORY_JOB]: async (job) => {
      const repositoryId = Number(job.key) as RepositoryId;
      const found = await db.read(async (stores) => {
        const repo = await stores.repos.findById(repositoryId);
        return repo && { repo, refs: await stores.refs.list(repositoryId, 'refs/') };
      });
      if (!found) return;
      try {
        await facts.refresh(repositoryId);
        // What only git shows has no pages: notes may be as long as what they are about.
        const shown = found.refs.filter(({ name }) => isReadableRef(name));
        for (const { target, peeled = target } of await commitRefs(repoObjects.open(found.repo), shown))
          await history.indexAhead(found.repo, peeled);
      } catch (error) {
        // Of a repository that was deleted meanwhile there is nothing left to derive.
        if (await db.read((stores) => stores.repos.findById(repositoryId))) throw error;
      }
      for (const id of await rollUps.due()) await enqueue(ROLL_UP_JOB, String(id), clock.now());
    },

    /** What was due when the hub started: after an upgrade that may be every repository. */
    [FACTS_JOB]: async () => {
      if (await facts.refreshSome()) await enqueue(FACTS_JOB, '', clock.now());
    },

    [ROLL_UP_JOB]: async (job) => {
      await rollUps.rollUp(Number(job.key) as RepositoryId);
    },

    [SWEEP_JOB]: async () => {
      await sweeps.sweep();
      await sessions.sweep();
      await oauthGrants.sweep();
      await enqueue(SWEEP_JOB, '', clock.now() + SWEEP_EVERY_MS);
    },

    [NEW_DAY_JOB]: async () => {
      await popularity.turnDay();
      await enqueue(NEW_DAY_JOB, '', (dayOf(clock.now()) + 1) * DAY_MS);
    },
  };
}

/**
 * Called at every start: what a killed process had claimed is due at once, since the data folder has one process
 * (design 2.8), and the jobs that recur are put in line, which changes nothing while they wait.
 */
export async function scheduleRecurringJobs(db: Database, clock: Clock): Promise<void> {
  const now = clock.now();
  await db.write(async (stores) => {
    await stores.jobs.releaseAll(now);
    for (const kind of [SWEEP_JOB, NEW_DAY_JOB, FACTS_JOB])
      await stores.jobs.enqueue({ kind, key: '', payload: '', runAt: now }, now);
  });
}
