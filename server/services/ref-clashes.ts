import type { Stores } from '../db/stores.ts';
import { conflict, type HubError } from '../domain/errors.ts';
import type { RepositoryId } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { foldName } from '../git/tree-names.ts';

const kindOf = (name: string): string => name.slice(0, name.indexOf('/', 'refs/'.length) + 1);

export const cannotStandBeside = (name: string, other: string): HubError =>
  conflict(`Reference ${shown(name)} cannot exist beside ${shown(other)}.`);

/** A set of names, asked for those that could not stand beside another one. */
export interface RefClashes {
  /** What stands before the names that were added: `refs/heads/`. Between two of these nothing clashes. */
  readonly kinds: ReadonlySet<string>;
  /** A ref of the set that stands in the way of `name`. */
  find(name: string): string | undefined;
  add(name: string): void;
}

/**
 * Finds refs that git itself could not hold side by side on any file system: names that differ in case or Unicode form
 * alone, and one that is a folder of another. Names are asked about and added one after the other.
 */
export function createRefClashes(names: Iterable<string> = []): RefClashes {
  const kinds = new Set<string>();
  const byFold = new Map<string, string>();
  /** Folders in which refs lie, with one of them each. */
  const folders = new Map<string, string>();
  const foldersOf = function* (folded: string): Generator<string> {
    for (let at = folded.indexOf('/'); at >= 0; at = folded.indexOf('/', at + 1)) yield folded.slice(0, at);
  };
  const add = (name: string): void => {
    const folded = foldName(name);
    kinds.add(kindOf(name));
    byFold.set(folded, name);
    for (const folder of foldersOf(folded)) if (!folders.has(folder)) folders.set(folder, name);
  };
  for (const name of names) add(name);
  return {
    kinds,
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

/**
 * Refuse new refs that could not stand beside others. Throws Conflict. Asked in the transaction that made them; that they
 * can stand beside each other is known.
 */
export async function refuseClashes(
  stores: Pick<Stores, 'refs'>,
  repositoryId: RepositoryId,
  created: Pick<RefClashes, 'kinds' | 'find'>,
): Promise<void> {
  for (const kind of created.kinds) {
    for await (const page of stores.refs.pages(repositoryId, kind)) {
      for (const { name } of page) {
        const other = created.find(name);
        if (other !== undefined) throw cannotStandBeside(other, name);
      }
    }
  }
}
