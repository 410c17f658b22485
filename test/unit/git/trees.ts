import type { Oid } from '../../../server/domain/ids.ts';
import { createObjectCache } from '../../../server/git/object-cache.ts';
import { createObjectDb } from '../../../server/git/object-db.ts';
import type { ObjectDb } from '../../../server/git/object-db.ts';
import { newObject, writeTree } from '../../../server/git/objects.ts';
import { createMemoryGitStorage } from '../../support/memory-git-storage.ts';
import type { MemoryGitStorage } from '../../support/memory-git-storage.ts';

export type FileSet = ReadonlyMap<string, { readonly mode: string; readonly oid: Oid }>;

export interface TreeFixture {
  readonly storage: MemoryGitStorage;
  readonly db: ObjectDb;
}

export function openTrees(): TreeFixture {
  const storage = createMemoryGitStorage();
  const cache = createObjectCache({ maxBytes: 64 * 1024 * 1024 });
  return { storage, db: createObjectDb({ storage, cache, scope: 'repo' }) };
}

/** Write the trees of a set of files the plain way, folder by folder from the bottom. */
export function storeTree(storage: MemoryGitStorage, files: FileSet): Oid {
  const entries: { mode: string; name: string; oid: Oid }[] = [];
  const folders = new Map<string, Map<string, { mode: string; oid: Oid }>>();
  for (const [path, file] of files) {
    const cut = path.indexOf('/');
    if (cut < 0) {
      entries.push({ ...file, name: path });
      continue;
    }
    const folder = folders.get(path.slice(0, cut)) ?? new Map<string, { mode: string; oid: Oid }>();
    folder.set(path.slice(cut + 1), file);
    folders.set(path.slice(0, cut), folder);
  }
  for (const [name, inside] of folders)
    entries.push({ mode: '40000', name, oid: storeTree(storage, inside) });
  const tree = newObject('tree', writeTree(entries));
  storage.addHot([tree]);
  return tree.oid;
}
