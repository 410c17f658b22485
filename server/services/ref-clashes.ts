import type { Stores } from '../db/stores.ts';
import { conflict, type HubError } from '../domain/errors.ts';
import type { RepositoryId } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { foldName } from '../git/tree-names.ts';

const kindOf = (name: string): string => name.slice(0, name.indexOf('/', 'refs/'.length) + 1);

export const cannotStandBeside = (name: string, other: string): HubError =>
  conflict(`Reference ${shown(name)} cannot exist beside ${shown(other)}.`);

/**
 * Finds refs that git itself could not hold side by side on any file system: names that differ in case or Unicode form
 * alone, and one that is a folder of another. Names are asked about and added one after the other.
 */
export function createRefClashes(names: Iterable<string>): {
  /** A ref that stands in the way of `name`. */
  find(name: string): string | undefined;
  add(name: string): void;
} {
  const byFold = new Map<string, string>();
  /** Folders in which refs lie, with one of them each. */
  const folders = new Map<string, string>();
  const foldersOf = function* (folded: string): Generator<string> {
    for (let at = folded.indexOf('/'); at >= 0; at = folded.indexOf('/', at + 1)) yield folded.slice(0, at);
  };
  const add = (name: string): void => {
    const folded = foldName(name);
    byFold.set(folded, name);
    for (const folder of foldersOf(folded)) if (!folders.has(folder)) folders.set(folder, name);
  };
  for (const name of names) add(name);
  return {
    add,
    find(name) {
      const folded = foldName(name);
      const twin = byFold.get(folded);
      if (twin !== undefined && twin !== name) return twin;
      for (const folder of foldersOf(folded)) {
        const other = byFold.get(folder);
        if (other !== undefined) return other;
      }
      return folders.get(folded);
    },
  };
}

/** Refuse new refs that could not stand beside others. Throws Conflict. Asked in the transaction that made them. */
export async function refuseClashes(
  stores: Pick<Stores, 'refs'>,
  repositoryId: RepositoryId,
  names: readonly string[],
): Promise<void> {
  for (const kind of new Set(names.map(kindOf))) {
    const fresh = names.filter((name) => kindOf(name) === kind);
    const isFresh = new Set(fresh);
    const refs = await stores.refs.list(repositoryId, kind);
    const clashes = createRefClashes(refs.flatMap(({ name }) => (isFresh.has(name) ? [] : [name])));
    for (const name of fresh) {
      const other = clashes.find(name);
      if (other !== undefined) throw cannotStandBeside(name, other);
      clashes.add(name);
    }
  }
}
