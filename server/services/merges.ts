import { HubError, revisionNotFound } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { branchRef } from '../domain/revision.ts';
import { ancestorTree } from '../git/commit-merge.ts';
import { mergeBases } from '../git/merge-base.ts';
import type { ObjectDb } from '../git/object-db.ts';
import type { GitObject } from '../git/object-storage.ts';
import { EMPTY_TREE } from '../git/objects.ts';
import { diffTrees } from '../git/tree-diff.ts';
import { mergeTrees, type MergeConflict, type MergedTree, type MergeFavor } from '../git/tree-merge.ts';
import type { Clock } from '../platform/clock.ts';
import type { Granted } from './authorize.ts';
import { fingerprintOf, type BranchMoves, type PlannedMove } from './branch-moves.ts';
import type { HeldFiles } from './held-files.ts';
import { newCommit } from './new-commit.ts';
import type { RepoObjects } from './repo-objects.ts';

export interface MergeWish {
  /** The revision as it was named, for the message. */
  readonly source: { readonly text: string; readonly commit: Oid };
  /** Name of the branch that changes. */
  readonly into: string;
  readonly message: string | undefined;
  /** Who wins where both changed the same; without it, that is a conflict. */
  readonly strategy: 'dest-wins' | 'source-wins' | undefined;
  /** One commit with everything the source has, and no link to its history. */
  readonly squash: boolean;
  /** Move the branch to the source where that loses nothing, instead of making a commit. */
  readonly fastForward: boolean;
  /** Make a squashed commit even when it changes nothing. */
  readonly allowEmpty: boolean;
  /** Merge histories that have no common commit. */
  readonly allowUnrelated: boolean;
}

export interface RevertWish {
  readonly branch: string;
  readonly commit: Oid;
  /** Which parent of a merge is gone back to, from 1. */
  readonly parentNumber: number;
  readonly message: string | undefined;
  readonly allowEmpty: boolean;
}

/** How many files a change touched. */
export interface ChangeCounts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

export interface HistoryAnswer {
  /** Head of the branch now. */
  readonly commit: Oid;
  readonly counts: ChangeCounts;
}

export interface Merges {
  /**
   * Merge a revision into a branch. What is merged already changes nothing. Throws Conflict with the list of paths,
   * LfsNotUploaded when a large file that the merge brings is not held, and RevisionNotFound.
   */
  merge(granted: Granted<'write'>, wish: MergeWish): Promise<HistoryAnswer>;
  /** Undo one commit by a new one. Throws as `merge` does, and InvalidParameter for a parent that is not there. */
  revert(granted: Granted<'write'>, wish: RevertWish): Promise<HistoryAnswer>;
}

const NOTHING: ChangeCounts = { added: 0, removed: 0, changed: 0 };

export function createMerges(parts: {
  readonly clock: Clock;
  readonly repoObjects: RepoObjects;
  readonly moves: BranchMoves;
  readonly heldFiles: HeldFiles;
}): Merges {
  const { clock, repoObjects, moves, heldFiles } = parts;

  /** A commit on top of the head with a merged tree, and what has to be stored with it. */
  async function planCommit(
    granted: Granted<'write'>,
    objects: ObjectDb,
    made: {
      readonly headTree: Oid;
      readonly merged: MergedTree;
      readonly parents: readonly Oid[];
      readonly message: string;
    },
  ): Promise<PlannedMove> {
    const { headTree, merged, parents, message } = made;
    const commit = newCommit(granted, { tree: merged.root, parents, message }, clock.now());
    const trees = { before: headTree, after: merged.root, commit: commit.oid };
    const links = await heldFiles.require(granted.repo, objects, trees);
    return { target: commit.oid, isFastForward: true, objects: [...merged.objects, commit], links };
  }

  async function planMerge(granted: Granted<'write'>, wish: MergeWish, head: Oid): Promise<PlannedMove> {
    const { source, into, squash } = wish;
    const overlay = new Map<Oid, GitObject>();
    const objects = repoObjects.open(granted.repo, overlay);
    const bases = await mergeBases(objects, head, source.commit);
    if (bases[0] === source.commit) return { target: head };
    const headTree = await objects.rootTree(head);
    const sourceTree = await objects.rootTree(source.commit);
    if (bases[0] === head && wish.fastForward && !squash) {
      const trees = { before: headTree, after: sourceTree, commit: source.commit };
      const links = await heldFiles.require(granted.repo, objects, trees);
      return { target: source.commit, isFastForward: true, links };
    }
    if (bases.length === 0 && !wish.allowUnrelated) {
      throw new HubError(
        'Conflict',
        `"${shown(source.text)}" and "${shown(into)}" have no commit in common. To merge them all the same, send "force": true.`,
      );
    }
    const trees = {
      base: await ancestorTree(objects, overlay, bases),
      ours: headTree,
      theirs: sourceTree,
    };
    const merged = await mergeTrees(objects, overlay, trees, favorOf(wish.strategy));
    refuseConflicts(merged, `Merging "${shown(source.text)}" into "${shown(into)}"`);
    if (squash && merged.root === headTree && !wish.allowEmpty) return { target: head };
    const verb = squash ? 'Squash' : 'Merge';
    return planCommit(granted, objects, {
      headTree,
      merged,
      parents: squash ? [head] : [head, source.commit],
      message: wish.message ?? `${verb} ${source.text} into ${into}`,
    });
  }

  async function planRevert(granted: Granted<'write'>, wish: RevertWish, head: Oid): Promise<PlannedMove> {
    const overlay = new Map<Oid, GitObject>();
    const objects = repoObjects.open(granted.repo, overlay);
    const undone = await objects.commit(wish.commit);
    const parent = undone.parents[wish.parentNumber - 1];
    if (parent === undefined && (wish.parentNumber > 1 || undone.parents.length > 0)) {
      throw new HubError(
        'InvalidParameter',
        `The commit has ${undone.parents.length} parents, so "parent_number" cannot be ${wish.parentNumber}.`,
      );
    }
    const headTree = await objects.rootTree(head);
    const trees = {
      base: undone.tree,
      ours: headTree,
      theirs: parent === undefined ? EMPTY_TREE : await objects.rootTree(parent),
    };
    const merged = await mergeTrees(objects, overlay, trees, 'none');
    refuseConflicts(merged, `Reverting ${wish.commit} on "${shown(wish.branch)}"`);
    if (merged.root === headTree && !wish.allowEmpty) return { target: head };
    const title = undone.message.split('\n', 1)[0] ?? '';
    const reversing =
      parent !== undefined && undone.parents.length > 1 ? `, reversing\nchanges made to ${parent}` : '';
    return planCommit(granted, objects, {
      headTree,
      merged,
      parents: [head],
      message: wish.message ?? `Revert "${title}"\n\nThis reverts commit ${wish.commit}${reversing}.`,
    });
  }

  /** Do it, and count what it changed against what the branch had before. */
  async function run(
    granted: Granted<'write'>,
    branch: string,
    plan: (head: Oid) => Promise<PlannedMove>,
    request: readonly unknown[],
  ): Promise<HistoryAnswer> {
    let before: Oid | undefined;
    const noting = (head: Oid): Promise<PlannedMove> => {
      before = head;
      return plan(head);
    };
    const fingerprint = fingerprintOf(granted, [branch, ...request]);
    const commit = await moves.run(granted, branchRef(branch), noting, fingerprint);
    if (before === undefined || before === commit) return { commit, counts: NOTHING };
    return { commit, counts: await countChanges(repoObjects.open(granted.repo), before, commit) };
  }

  return {
    merge: (granted, wish) =>
      run(granted, wish.into, (head) => planMerge(granted, wish, head), ['merge', wish]),

    async revert(granted, wish) {
      const found = await repoObjects.open(granted.repo).find(wish.commit);
      if (found?.type !== 'commit') throw revisionNotFound(wish.commit);
      return run(granted, wish.branch, (head) => planRevert(granted, wish, head), ['revert', wish]);
    },
  };
}

const favorOf = (strategy: MergeWish['strategy']): MergeFavor =>
  strategy === 'dest-wins' ? 'ours' : strategy === 'source-wins' ? 'theirs' : 'none';

const KINDS: Readonly<Record<MergeConflict['kind'], string>> = {
  content: 'both sides changed the same lines',
  binary: 'both sides changed a file that is no text',
  'large-file': 'both sides changed a large file',
  'both-added': 'both sides added it, each in another way',
  'deleted-by-ours': 'the branch deleted it, the other side changed it',
  'deleted-by-theirs': 'the branch changed it, the other side deleted it',
  'file-and-folder': 'it is a file on one side and a folder on the other',
  type: 'both sides changed its type or mode',
  submodule: 'both sides changed a submodule',
  'moved-and-deleted': 'one side moved a file there that the other deleted',
  'moved-apart': 'each side moved a file, and to different places',
  'name-twin': 'its name differs from another one only in case or Unicode form',
};

function refuseConflicts({ conflicts, conflictCount }: MergedTree, what: string): void {
  const [first] = conflicts;
  if (!first) return;
  const files = conflictCount === 1 ? 'a conflict' : `${conflictCount} conflicts`;
  throw new HubError('Conflict', `${what} meets ${files}: "${shown(first.path)}", ${KINDS[first.kind]}.`, {
    details: {
      conflicts: conflicts.map(({ path, kind }) => ({ path, kind, reason: KINDS[kind] })),
      conflictCount,
    },
  });
}

async function countChanges(objects: ObjectDb, before: Oid, after: Oid): Promise<ChangeCounts> {
  const counts = { added: 0, removed: 0, changed: 0 };
  const [one, two] = [await objects.rootTree(before), await objects.rootTree(after)];
  for await (const { kind } of diffTrees(objects, one, two)) counts[kind] += 1;
  return counts;
}
