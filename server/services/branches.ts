import type { HotObject } from '../db/questions/git-objects.ts';
import { conflict, forbidden, HubError, revisionNotFound } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { branchRef, parseNewBranch, parseNewRefName, tagRef } from '../domain/revision.ts';
import { newObject, writeTag } from '../git/objects.ts';
import { deflateObject } from '../git/pack-write.ts';
import type { Database, Stores } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import type { KeyedQueue } from '../platform/keyed-queue.ts';
import type { Granted } from './authorize.ts';
import { newCommit } from './new-commit.ts';
import { createRefClashes, refuseClashes } from './ref-clashes.ts';
import type { RefMove, RefOutcome, RefUpdates } from './ref-updates.ts';
import type { Revisions } from './revisions.ts';
import { signatureOf } from './signatures.ts';

export interface Branches {
  /** Create a branch or a converted ref (`refs/convert/parquet`). Throws InvalidRevision, ReservedName, RevisionNotFound, and Conflict when it exists. */
  create(
    granted: Granted<'write'>,
    name: string,
    options: {
      readonly startingPoint: string | undefined;
      /** Begin with one commit that has no files and no parent; the starting point does not matter then. */
      readonly isEmpty?: boolean;
      /** Move a branch that exists to the starting point; without one, leave it where it is. */
      readonly overwrite: boolean;
    },
  ): Promise<void>;
  /** Throws RevisionNotFound, and Forbidden for the default branch. */
  delete(granted: Granted<'write'>, name: string): Promise<void>;
  /** Tag a revision; with a message the tag is annotated. Throws as `create` does. */
  createTag(
    granted: Granted<'write'>,
    tag: { readonly name: string; readonly revision: string; readonly message: string | undefined },
  ): Promise<void>;
  deleteTag(granted: Granted<'write'>, name: string): Promise<void>;
}

/** Where a new branch begins, with what has to be stored for it. */
interface Start {
  readonly commit: Oid;
  readonly hotObjects?: readonly Omit<HotObject, 'id'>[];
}

const justUpdated = (name: string): HubError =>
  conflict(`Reference ${shown(name)} was just updated. Try again.`);

export function createBranches(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly revisions: Revisions;
  readonly refUpdates: RefUpdates;
  readonly queue: KeyedQueue;
}): Branches {
  const { db, clock, revisions, refUpdates, queue } = parts;

  async function apply(
    granted: Granted<'write'>,
    move: RefMove,
    options: { hotObjects?: readonly Omit<HotObject, 'id'>[]; also?: (stores: Stores) => Promise<void> } = {},
  ): Promise<RefOutcome> {
    return refUpdates.apply({ granted, moves: [move], ...options });
  }

  const current = async (granted: Granted<'write'>, name: string): Promise<Oid | undefined> =>
    (await db.read((stores) => stores.refs.find(granted.repo.id, name)))?.target;

  async function createRef(
    granted: Granted<'write'>,
    name: string,
    next: { readonly target: Oid; readonly peeled?: Oid },
    hotObjects: readonly Omit<HotObject, 'id'>[] = [],
  ): Promise<void> {
    const created = createRefClashes([name]);
    const also = (stores: Stores): Promise<void> => refuseClashes(stores, granted.repo.id, created);
    const outcome = await apply(granted, { name, expected: undefined, next }, { hotObjects, also });
    if (outcome.kind === 'moved') throw conflict(`Reference ${shown(name)} already exists.`);
  }

  async function deleteRef(granted: Granted<'write'>, name: string, shortName: string): Promise<void> {
    const target = await current(granted, name);
    if (!target) throw revisionNotFound(shown(shortName));
    const outcome = await apply(granted, { name, expected: target, next: undefined });
    if (outcome.kind === 'moved') throw justUpdated(name);
  }

  async function emptyStart(granted: Granted<'write'>): Promise<Start> {
    const tree = newObject('tree', Buffer.alloc(0));
    const commit = newCommit(granted, { tree: tree.oid, parents: [], message: 'empty branch' }, clock.now());
    const hotObjects: Omit<HotObject, 'id'>[] = [];
    for (const { oid, type, content } of [tree, commit]) {
      hotObjects.push({ oid, type, sizeBytes: content.byteLength, deflated: await deflateObject(content) });
    }
    return { commit: commit.oid, hotObjects };
  }

  return {
    async create(granted, text, { startingPoint, isEmpty = false, overwrite }) {
      const branch = parseNewBranch(text);
      const name = branchRef(branch);
      const start: Start = isEmpty
        ? await emptyStart(granted)
        : await revisions.resolve(granted.repo, startingPoint ?? granted.repo.defaultBranch);
      await queue.run(`${granted.repo.id} ${branch}`, async () => {
        const { commit: target, hotObjects = [] } = start;
        const old = overwrite ? await current(granted, name) : undefined;
        // Without a word on where to begin, a branch that is there is as good as a new one.
        if (old !== undefined && !isEmpty && startingPoint === undefined) return;
        if (old === undefined) {
          await createRef(granted, name, { target }, hotObjects);
          return;
        }
        const outcome = await apply(granted, { name, expected: old, next: { target } }, { hotObjects });
        if (outcome.kind === 'moved') throw justUpdated(name);
      });
    },

    async delete(granted, branch) {
      if (branch === granted.repo.defaultBranch) {
        throw forbidden(`Cannot delete ${shown(branchRef(branch))}: it is the default branch.`);
      }
      await queue.run(`${granted.repo.id} ${branch}`, () => deleteRef(granted, branchRef(branch), branch));
    },

    async createTag(granted, { name: text, revision, message }) {
      // In this order, for clients tell a revision that is absent from every other refusal.
      const { commit } = await revisions.resolve(granted.repo, revision);
      const tag = parseNewRefName(text);
      if (message === undefined || message === '') {
        await createRef(granted, tagRef(tag), { target: commit });
        return;
      }
      if (message.includes('\0')) throw new HubError('InvalidBody', 'A tag message has no NUL character.');
      const tagger = signatureOf(granted.actor, clock.now());
      const content = writeTag({ object: commit, type: 'commit', tag, tagger, message: `${message}\n` });
      const object = newObject('tag', content);
      const deflated = await deflateObject(content);
      await createRef(granted, tagRef(tag), { target: object.oid, peeled: commit }, [
        { oid: object.oid, type: 'tag', sizeBytes: content.byteLength, deflated },
      ]);
    },

    deleteTag: (granted, tag) => deleteRef(granted, tagRef(tag), tag),
  };
}
