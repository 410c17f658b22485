import type { Database } from '../db/stores.ts';
import type { Visibility } from '../domain/account.ts';
import { revisionNotFound } from '../domain/errors.ts';
import { shown } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import { branchRef } from '../domain/revision.ts';
import type { Clock } from '../platform/clock.ts';
import { actorIdOf, type Authorize, type Granted } from './authorize.ts';
import { INDEX_HISTORY_JOB } from './ref-updates.ts';

/** What is left out stays as it is. */
export interface SettingsChange {
  readonly visibility?: Visibility | undefined;
  readonly archived?: boolean | undefined;
  /** Short name of a branch. */
  readonly defaultBranch?: string | undefined;
}

export interface RepoSettings {
  /**
   * Change settings, all or none. Who sees the repository and whether it is archived takes the right to administer it.
   * Throws Forbidden, and RevisionNotFound for a default branch that is not there.
   */
  change(granted: Granted<'settings'>, change: SettingsChange): Promise<Repo>;
}

export function createRepoSettings(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorize: Authorize;
}): RepoSettings {
  const { db, clock, authorize } = parts;
  return {
    async change(granted, { visibility, archived, defaultBranch }) {
      const right = visibility === undefined && archived === undefined ? 'settings' : 'administer';
      if (right === 'administer') await authorize.also(granted, right);
      return db.write(async (stores) => {
        const { repo } = await authorize.confirm(stores, granted, right);
        if (defaultBranch !== undefined && !(await stores.refs.find(repo.id, branchRef(defaultBranch)))) {
          throw revisionNotFound(shown(defaultBranch));
        }
        const now = clock.now();
        const change = {
          ...(visibility === undefined || visibility === repo.visibility ? {} : { visibility }),
          ...(defaultBranch === undefined || defaultBranch === repo.defaultBranch ? {} : { defaultBranch }),
          ...(archived === undefined || archived === (repo.archivedAt !== undefined)
            ? {}
            : { archivedAt: archived ? now : undefined }),
        };
        if (Object.keys(change).length === 0) return repo;
        await stores.repos.update(repo.id, change, now);
        if (change.defaultBranch !== undefined) {
          // Lists and info are of another branch now.
          await stores.facts.markStale(repo.id);
          const job = { kind: INDEX_HISTORY_JOB, key: String(repo.id), payload: '', runAt: now };
          await stores.jobs.enqueue(job, now);
        }
        await stores.events.append({
          kind: 'repo-settings',
          repositoryId: repo.id,
          actorId: actorIdOf(granted.actor),
          payload: JSON.stringify({ visibility, archived, defaultBranch }),
          at: now,
        });
        return { ...repo, ...change, updatedAt: now };
      });
    },
  };
}
