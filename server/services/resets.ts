import { HubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { branchRef } from '../domain/revision.ts';
import type { Granted } from './authorize.ts';
import type { BranchMoves } from './branch-moves.ts';
import type { HeldFiles } from './held-files.ts';
import type { RepoObjects } from './repo-objects.ts';

export interface Resets {
  /**
   * Move a branch to any commit of the repository, once every large file of that commit was found to be there. Answers
   * the head. Throws InvalidRequest for the default branch without `force`, LfsNotUploaded with the list of large files
   * that are missing, and RevisionNotFound.
   */
  reset(
    granted: Granted<'write'>,
    wish: { readonly branch: string; readonly commit: Oid; readonly force: boolean },
  ): Promise<Oid>;
}

export function createResets(parts: {
  readonly repoObjects: RepoObjects;
  readonly moves: BranchMoves;
  readonly heldFiles: HeldFiles;
}): Resets {
  const { repoObjects, moves, heldFiles } = parts;
  return {
    async reset(granted, { branch, commit, force }) {
      const { repo } = granted;
      if (branch === repo.defaultBranch && !force) {
        throw new HubError(
          'InvalidRequest',
          `"${shown(branch)}" is the default branch. To reset it all the same, send "force": true.`,
        );
      }
      const objects = repoObjects.open(repo);
      const after = await objects.rootTree(commit);
      const links = await heldFiles.require(repo, objects, { before: undefined, after, commit });
      const plan = () => Promise.resolve({ target: commit, links });
      return moves.run(granted, branchRef(branch), plan, undefined);
    },
  };
}
