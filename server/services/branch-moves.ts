import { createHash } from 'node:crypto';
import type { Database } from '../db/stores.ts';
import { HubError, revisionNotFound } from '../domain/errors.ts';
import type { Oid, PublicId } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { NewGitObject } from '../git/object-storage.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { KeyedQueue } from '../platform/keyed-queue.ts';
import type { Granted } from './authorize.ts';
import { createObjectStaging, type StagedObjects } from './object-staging.ts';
import type { RefUpdates } from './ref-updates.ts';

/** Where a ref shall go from its present head. */
export interface PlannedMove {
  /** The same as the head: nothing is to be done. */
  readonly target: Oid;
  /** True when the target leads to the head. */
  readonly isFastForward?: boolean;
  /** What is new on the way there. */
  readonly objects?: readonly NewGitObject[];
  /** Large objects that come with it: row keys. */
  readonly links?: readonly number[];
}

export interface BranchMoves {
  /**
   * Move one ref, in turn with commits to it. `plan` is asked again when the ref moved meanwhile. The same request again,
   * told by its fingerprint, gets its first answer for as long as that is the head. Answers where the ref is then.
   * Throws RevisionNotFound, and Conflict when others never leave it alone.
   */
  run(
    granted: Granted<'write'>,
    ref: string,
    plan: (head: Oid) => Promise<PlannedMove>,
    fingerprint: Buffer | undefined,
  ): Promise<Oid>;
  /** Make new objects ready for the transaction that needs them. */
  stage(repository: PublicId, made: readonly NewGitObject[]): Promise<StagedObjects>;
}

const MAX_ATTEMPTS = 20;

/** What commits to a ref wait for each other by: `services/commits.ts` names branches in this way. */
export const queueKeyOf = (repo: { readonly id: number }, ref: string): string =>
  `${repo.id} ${ref.replace(/^refs\/heads\//, '')}`;

/** Tells requests apart: one of the same person that asks for the same is the same. */
export const fingerprintOf = ({ actor }: Granted<'write'>, request: readonly unknown[]): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([actor.kind === 'user' ? actor.user.publicId : '', ...request]))
    .digest();

export function createBranchMoves(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly refUpdates: RefUpdates;
  readonly queue: KeyedQueue;
  readonly stagingFolder: string;
}): BranchMoves {
  const { db, objects, refUpdates, queue, stagingFolder } = parts;

  async function stage(repository: PublicId, made: readonly NewGitObject[]): Promise<StagedObjects> {
    const staging = createObjectStaging({ repository, objects, stagingFolder, source: 'commit' });
    try {
      for (const object of made) await staging.addObject(object);
      return await staging.store();
    } finally {
      await staging.dispose();
    }
  }

  return {
    stage,

    run(granted, ref, plan, fingerprint) {
      const { repo } = granted;
      // Answered requests are kept by the name of the branch, as those of commits are.
      const shortName = ref.replace(/^refs\/heads\//, '');
      return queue.run(queueKeyOf(repo, ref), async () => {
        for (let round = 1; round <= MAX_ATTEMPTS; round++) {
          const { found, earlier } = await db.read(async (stores) => ({
            found: await stores.refs.find(repo.id, ref),
            earlier: fingerprint ? await stores.commitRequests.find(repo.id, shortName, fingerprint) : [],
          }));
          if (!found) throw revisionNotFound(shown(shortName));
          const head = found.target;
          if (earlier.some(({ commit }) => commit === head)) return head;
          const { target, isFastForward = false, objects: made = [], links = [] } = await plan(head);
          if (target === head) return head;
          const outcome = await refUpdates.apply({
            granted,
            moves: [{ name: ref, expected: head, next: { target }, isFastForward }],
            ...(await stage(repo.publicId, made)),
            links,
            also: async (stores, now) => {
              if (!fingerprint) return;
              const answer = { commit: target, parent: head };
              await stores.commitRequests.remember(repo.id, shortName, fingerprint, answer, now);
            },
          });
          if (outcome.kind === 'done') return target;
        }
        throw new HubError('Conflict', `Others keep changing ${shown(ref)}. Try again.`);
      });
    },
  };
}
