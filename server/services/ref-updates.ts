import type { HotObject, NewPack } from '../db/questions/git-objects.ts';
import type { LinkOrigin } from '../db/questions/large-objects.ts';
import type { Database, Stores } from '../db/stores.ts';
import { ARCHIVED } from '../domain/access.ts';
import { conflict, forbidden } from '../domain/errors.ts';
import type { NamespaceId, Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';
import { branchRef } from '../domain/revision.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { actorIdOf, type Authorize, type Granted } from './authorize.ts';
import { requireWritable } from './writable.ts';

export interface RefMove {
  readonly name: string;
  /** What the ref must be now; undefined when it must not exist. */
  readonly expected: Oid | undefined;
  /** What it becomes; undefined deletes it. */
  readonly next: { readonly target: Oid; readonly peeled?: Oid } | undefined;
  /** True when `next` is known to lead to `expected`: nothing is lost that was reachable. */
  readonly isFastForward?: boolean;
}

/** Everything that must become true together with the moves. The bytes of packs and large objects are stored already. */
export interface RefChange {
  readonly moves: readonly RefMove[];
  readonly hotObjects?: readonly Omit<HotObject, 'id'>[];
  readonly packs?: readonly NewPack[];
  /** Among the objects may be some that none of the moves leads to. */
  readonly mayHoldUnreachable?: boolean;
  /** Large objects that the new commits name: row keys. */
  readonly links?: readonly number[];
  /** Where those are, by row key, as far as the change knows. */
  readonly linkPaths?: ReadonlyMap<number, string>;
  /** More questions of the same transaction, asked once the moves are done. */
  readonly also?: (stores: Stores, now: number) => Promise<void>;
}

/** By what right a change is made; it is proved anew in the transaction. */
type Permission =
  | { readonly granted: Granted<'write'>; readonly right?: 'write' }
  | { readonly granted: Granted<'settings'>; readonly right: 'settings' };

/** Whose refs change, and who is written down as the one who did it. */
interface Subject {
  readonly repo: Repo;
  readonly actorId: NamespaceId | undefined;
}

export type RefOutcome =
  | { readonly kind: 'done' }
  /** A ref was not what `expected` said; nothing at all was changed. */
  | { readonly kind: 'moved'; readonly name: string };

/** Job kind that brings what is derived from a repository's history up to date. */
export const INDEX_HISTORY_JOB = 'index-history';

class Moved extends Error {
  readonly refName: string;
  constructor(refName: string) {
    super(`ref moved: ${refName}`);
    this.refName = refName;
  }
}

export interface RefUpdates {
  /**
   * Throws as `Authorize.confirm` does: bytes take their time, a pack by SSH for hours, and meanwhile somebody may have
   * put the actor out, or deleted, archived or given away the repository.
   */
  apply(change: RefChange & Permission): Promise<RefOutcome>;
  /** The same as a part of a larger transaction, for refs that nobody else can know yet. Throws when one moved. */
  applyWithin(stores: Stores, change: RefChange & Subject, now: number): Promise<void>;
}

/**
 * The one place where refs move: objects, refs, links, the event and the job for what is derived change in one
 * transaction, or not at all (design 2.4). The compare-and-set decides between writers.
 */
export function createRefUpdates(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorize: Pick<Authorize, 'confirm'>;
  /** Told after the transaction, so that waiting jobs are looked at soon. */
  readonly onCommitted: () => void;
}): RefUpdates {
  const { db, clock, authorize } = parts;
  return {
    async applyWithin(stores, change, now) {
      await moveRefs(stores, await requireWritable(stores, change.repo.id), change, now);
    },

    async apply(change) {
      try {
        await db.write(async (stores) => {
          const { granted, right = 'write' } = change;
          const { repo: current } = await authorize.confirm(stores, granted, right);
          if (current.archivedAt !== undefined) throw forbidden(ARCHIVED);
          const subject = { repo: granted.repo, actorId: actorIdOf(granted.actor) };
          await moveRefs(stores, current, { ...change, ...subject }, clock.now());
        });
      } catch (error) {
        if (error instanceof Moved) return { kind: 'moved', name: error.refName };
        throw error;
      }
      await failPoint('refs-moved');
      parts.onCommitted();
      return { kind: 'done' };
    },
  };
}

/** @param current The repository as it is by now. */
async function moveRefs(
  stores: Stores,
  current: Repo,
  change: RefChange & Subject,
  now: number,
): Promise<void> {
  const { repo, actorId } = change;
  if (current.owner.id !== repo.owner.id) {
    throw conflict(`The repository was moved to ${repoFullName(current)} meanwhile. Try again.`);
  }
  for (const move of change.moves) {
    if (move.next === undefined && move.name === branchRef(current.defaultBranch)) {
      throw forbidden(`Cannot delete ${shown(move.name)}: it is the default branch.`);
    }
    const isDone = await stores.refs.compareAndSet(repo.id, move.name, move.expected, move.next, now);
    if (!isDone) throw new Moved(move.name);
  }
  if (change.hotObjects?.length) await stores.gitObjects.insertHot(repo.id, change.hotObjects);
  for (const pack of change.packs ?? []) await stores.gitObjects.addPack(repo.id, pack, now);
  if (change.mayHoldUnreachable === true || change.moves.some(mayLoseObjects)) {
    await stores.gitObjects.noteUnreachable(repo.id);
  }
  if (change.links?.length) await stores.largeObjects.link(repo.id, change.links, now, originOf(change));
  await stores.repos.touch(repo.id, now);
  const head = branchRef(current.defaultBranch);
  if (change.moves.some(({ name }) => name === head)) await stores.facts.markStale(repo.id);
  const moves = change.moves.map(({ name, expected, next }) => ({ name, from: expected, to: next?.target }));
  await stores.events.append({
    kind: 'refs-updated',
    repositoryId: repo.id,
    actorId,
    payload: JSON.stringify({ moves }),
    at: now,
  });
  await stores.jobs.enqueue({ kind: INDEX_HISTORY_JOB, key: String(repo.id), payload: '', runAt: now }, now);
  await change.also?.(stores, now);
  await failPoint('refs-moving');
}

const mayLoseObjects = ({ expected, next, isFastForward }: RefMove): boolean =>
  expected !== undefined && (next === undefined || (isFastForward !== true && next.target !== expected));

const originOf = ({ actorId, moves, linkPaths = new Map() }: RefChange & Subject): LinkOrigin => ({
  paths: linkPaths,
  ref: (moves[0]?.name ?? '').replace(/^refs\/heads\//, ''),
  pusherId: actorId,
});
