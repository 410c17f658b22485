import type { Ref } from '../db/questions/refs.ts';
import { branchOfRef } from '../domain/revision.ts';
import type { ObjectDb } from '../git/object-db.ts';

/** Those of `refs` that lead to a commit. All branches do; a tag may be for a file, a folder, or a tag of one. */
export async function commitRefs(
  objects: Pick<ObjectDb, 'infoMany'>,
  refs: readonly Ref[],
): Promise<readonly Ref[]> {
  const isBranch = ({ name }: Ref): boolean => branchOfRef(name) !== undefined;
  const others = refs.filter((ref) => !isBranch(ref));
  if (others.length === 0) return refs;
  const types = await objects.infoMany(others.map(({ target, peeled = target }) => peeled));
  return refs.filter((ref) => isBranch(ref) || types.get(ref.peeled ?? ref.target)?.type === 'commit');
}
