import type { Database } from '../db/stores.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { createFindings, type DoctorReport } from './doctor-findings.ts';
import { createLeftoverChecks } from './doctor-leftovers.ts';
import { createMoveChecks, type MovesSeen } from './doctor-moves.ts';
import { createObjectChecks } from './doctor-objects.ts';
import { createRepositoryChecks } from './doctor-repositories.ts';
import type { RepoObjects } from './repo-objects.ts';
import { SWEPT_AT } from './sweep.ts';
import type { Xet } from './xet.ts';

/** Of each invariant, in the whole hub. */
const MOST_PROBLEMS = 10_000;

export interface Doctor {
  /**
   * Check everything that is held. `full` also reads every large object, pack and hot row whole. Changes nothing.
   * Damage is in the answer and never thrown, and a hub at work is no damage.
   */
  run(options: { readonly full: boolean }): Promise<DoctorReport>;
}

/** Checks what is held against what is promised: the invariants of `docs/invariants.md`. */
export function createDoctor(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly repoObjects: RepoObjects;
  readonly workers: WorkerPool;
  readonly xet: Xet;
  /** Where temporary files are. */
  readonly stagingFolders: readonly string[];
}): Doctor {
  const { db, clock, stagingFolders } = parts;
  return {
    async run({ full }) {
      const findings = createFindings(MOST_PROBLEMS);
      await findings.attempt('I-07', 'the database', async () => {
        for (const problem of await db.check()) findings.report('I-07', problem);
      });
      const checks = { ...parts, isFull: full };
      await findings.attempt('I-02', 'repositories', () => createRepositoryChecks(checks).run(findings));
      await findings.attempt('I-04', 'large objects', () => createObjectChecks(checks).run(findings));

      let sweptAt = 0;
      await findings.attempt('I-06', 'the time of the last sweep', async () => {
        sweptAt = Number((await db.read((stores) => stores.settings.get(SWEPT_AT))) ?? 0);
      });
      let seen: MovesSeen = { deletedRepositories: new Set() };
      await findings.attempt('I-09', 'ref moves', async () => {
        seen = await createMoveChecks({ db, deletedSince: sweptAt }).run(findings);
      });
      const now = clock.now();
      await createLeftoverChecks({ ...parts, stagingFolders, now, sweptAt, ...seen }).run(findings);
      return findings.result();
    },
  };
}
