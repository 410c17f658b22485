import { HubError } from '../../domain/errors.ts';
import { isOid } from '../../domain/ids.ts';
import { parsePath, shown } from '../../domain/names.ts';
import { branchOfRef } from '../../domain/revision.ts';
import type { Repo } from '../../domain/repo.ts';
import type { Contents } from '../../services/contents.ts';
import { decodePart } from '../request.ts';

/** The raw parts behind `tree/`, `resolve/` and so on, each decoded once. */
export const decodeRest = (rest: readonly string[]): readonly string[] => rest.map(decodePart);

/** A name with slashes, as a branch or tag may have: all parts together. */
export const decodeName = (rest: readonly string[]): string => decodeRest(rest).join('/');

/** A path to look up; the root is the empty text. Throws InvalidPath. */
export const lookupPath = (path: string): string => (path === '' ? '' : parsePath(path));

/**
 * The branch or converted ref that a commit goes to, as `branchRef` takes it. Throws RevisionNotFound when there is none, and InvalidRevision for a tag or a
 * commit id, which nothing can be added to.
 */
export async function writableBranch(
  contents: Contents,
  repo: Repo,
  rest: readonly string[],
): Promise<string> {
  const { ref, text } = await contents.resolve(repo, decodeName(rest));
  const branch = ref === undefined ? undefined : branchOfRef(ref);
  if (branch !== undefined) return branch;
  const what = ref ? 'a ref that cannot be committed to' : isOid(text) ? 'a commit id' : 'not a branch';
  throw new HubError('InvalidRevision', `"${shown(text)}" is ${what}. Commits go to branches.`);
}
