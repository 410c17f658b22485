import type { Ref } from '../db/questions/refs.ts';
import type { Database } from '../db/stores.ts';
import { HubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { NewGitObject } from '../git/object-storage.ts';
import { newObject, parseTag, writeTag } from '../git/objects.ts';
import type { Clock } from '../platform/clock.ts';
import type { KeyedQueue } from '../platform/keyed-queue.ts';
import type { Granted } from './authorize.ts';
import { fingerprintOf, queueKeyOf, type BranchMoves } from './branch-moves.ts';
import { commitRefs } from './commit-refs.ts';
import { newCommit } from './new-commit.ts';
import type { RefMove, RefUpdates } from './ref-updates.ts';
import type { RepoObjects } from './repo-objects.ts';
import type { Revisions } from './revisions.ts';

export interface Squashes {
  /**
   * Replace the history of one branch, converted ref or pull request by a single commit with the same files. Answers that
   * commit. Throws RevisionNotFound, and InvalidRevision for a tag or a commit id.
   */
  squash(granted: Granted<'write'>, revision: string, message: string | undefined): Promise<Oid>;
  /** Replace the history of every branch, tag and converted ref, each by a single commit, all of them at once. */
  squashAll(granted: Granted<'write'>, administering: Granted<'administer'>): Promise<void>;
}

const SQUASHABLE = /^refs\/(?:heads|convert|pr)\//;
/** What a whole repository is made of; pull requests stay as they were proposed. */
const WHOLE = ['refs/heads/', 'refs/tags/', 'refs/convert/'] as const;
const MAX_ATTEMPTS = 20;
/** A signature at the end of a tag, which does not hold for another commit. */
const SIGNATURE = /-----BEGIN (?:PGP|SSH) (?:SIGNATURE|MESSAGE)-----[^]*$/;

export function createSquashes(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly repoObjects: RepoObjects;
  readonly revisions: Revisions;
  readonly refUpdates: RefUpdates;
  readonly moves: BranchMoves;
  readonly queue: KeyedQueue;
}): Squashes {
  const { db, clock, repoObjects, revisions, refUpdates, moves, queue } = parts;

  const refsOf = ({ repo }: Granted<'write'>): Promise<readonly Ref[]> =>
    db
      .read(async (stores) => {
        const all: Ref[] = [];
        for (const prefix of WHOLE) all.push(...(await stores.refs.list(repo.id, prefix)));
        return all;
      })
      .then((all) => commitRefs(repoObjects.open(repo), all));

  /** Work while nobody commits to any of these refs; in one order, so that two of us never wait for each other. */
  const holdingAll = <Result>(keys: readonly string[], work: () => Promise<Result>): Promise<Result> => {
    const [key, ...others] = keys;
    return key === undefined ? work() : queue.run(key, () => holdingAll(others, work));
  };

  /** Where each ref goes, with the commits and tags that are made for it. Refs that were at one commit still are. */
  async function planAll(
    granted: Granted<'write'>,
    refs: readonly Ref[],
  ): Promise<{ moves: readonly RefMove[]; made: readonly NewGitObject[] }> {
    const objects = repoObjects.open(granted.repo);
    const made = new Map<Oid, NewGitObject>();
    const squashed = new Map<Oid, Oid>();
    const now = clock.now();
    const planned: RefMove[] = [];
    const squashedOf = async (oid: Oid): Promise<Oid> => {
      const known = squashed.get(oid);
      if (known !== undefined) return known;
      const commit = await objects.commit(oid);
      let target = oid;
      if (commit.parents.length > 0) {
        const root = newCommit(granted, { tree: commit.tree, parents: [], message: commit.message }, now);
        made.set(root.oid, root);
        target = root.oid;
      }
      squashed.set(oid, target);
      return target;
    };
    for (const { name, target, peeled } of refs) {
      const commit = await squashedOf(peeled ?? target);
      if (peeled === undefined || commit === peeled) {
        if (commit !== (peeled ?? target)) planned.push({ name, expected: target, next: { target: commit } });
        continue;
      }
      const tag = parseTag((await objects.get(target, 'tag')).content);
      const message = tag.message.replace(SIGNATURE, '');
      const renewed = newObject('tag', writeTag({ ...tag, type: 'commit', object: commit, message }));
      made.set(renewed.oid, renewed);
      planned.push({ name, expected: target, next: { target: renewed.oid, peeled: commit } });
    }
    return { moves: planned, made: [...made.values()] };
  }

  return {
    async squash(granted, revision, message) {
      const { ref } = await revisions.resolve(granted.repo, revision);
      if (ref === undefined || !SQUASHABLE.test(ref)) {
        throw new HubError(
          'InvalidRevision',
          `"${shown(revision)}" is not a branch. Only branches are squashed.`,
        );
      }
      const name = ref.replace(/^refs\/heads\//, '');
      const plan = async (head: Oid) => {
        const { tree, parents } = await repoObjects.open(granted.repo).commit(head);
        // One commit is what was asked for: a new one would only part it from branches that begin with it.
        if (parents.length === 0 && message === undefined) return { target: head };
        const commit = newCommit(
          granted,
          { tree, parents: [], message: message ?? `Super-squash branch '${name}'` },
          clock.now(),
        );
        return { target: commit.oid, objects: [commit] };
      };
      return moves.run(granted, ref, plan, fingerprintOf(granted, ['squash', ref, message]));
    },

    async squashAll(granted) {
      const { repo } = granted;
      for (let round = 1; round <= MAX_ATTEMPTS; round++) {
        const keys = (await refsOf(granted)).map(({ name }) => queueKeyOf(repo, name)).sort();
        const isDone = await holdingAll([...new Set(keys)], async () => {
          const plan = await planAll(granted, await refsOf(granted));
          if (plan.moves.length === 0) return true;
          const outcome = await refUpdates.apply({
            granted,
            moves: plan.moves,
            ...(await moves.stage(repo.publicId, plan.made)),
          });
          return outcome.kind === 'done';
        });
        if (isDone) return;
      }
      throw new HubError('Conflict', 'Others keep changing this repository. Try again.');
    },
  };
}
