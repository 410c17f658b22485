import { inflateSync } from 'node:zlib';
import type { HotObject } from '../db/questions/git-objects.ts';
import type { Database } from '../db/stores.ts';
import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { ObjectCache } from '../git/object-cache.ts';
import { createObjectDb, type ObjectDb } from '../git/object-db.ts';
import type { GitObject, GitStorage } from '../git/object-storage.ts';
import { packIndexKey, packKey } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { createTimeSlice } from '../platform/time-slice.ts';

/** Opens the git objects of repositories: hot rows from the database, packs from the object store. */
export interface RepoObjects {
  /** `overlay` holds objects that are made but not stored yet. */
  open(repo: Pick<Repo, 'id' | 'publicId'>, overlay?: ReadonlyMap<Oid, GitObject>): ObjectDb;
  storage(repo: Pick<Repo, 'id' | 'publicId'>): GitStorage;
}

export function createRepoObjects(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly cache: ObjectCache;
}): RepoObjects {
  const { db, objects, cache } = parts;

  const storage = (repo: Pick<Repo, 'id' | 'publicId'>): GitStorage => ({
    async hotObjects(oids) {
      const rows = await db.read((stores) => stores.gitObjects.findHot(repo.id, oids));
      const found = new Map<Oid, GitObject>();
      const slice = createTimeSlice();
      for (const row of rows) {
        found.set(row.oid, { type: row.type, content: inflateHotRow(row) });
        if (slice.isOver()) await slice.next();
      }
      return found;
    },
    async hotEntries(oids) {
      const rows = await db.read((stores) => stores.gitObjects.findHot(repo.id, oids));
      return new Map(rows.map((row) => [row.oid, row]));
    },
    hotOidsByPrefix: (prefix, limit) =>
      db.read((stores) => stores.gitObjects.hotOidsByPrefix(repo.id, prefix, limit)),
    async packs() {
      const rows = await db.read((stores) => stores.gitObjects.packs(repo.id));
      return rows.map((row) => ({
        id: row.packId,
        packKey: packKey(row.home, row.packId),
        indexKey: packIndexKey(row.home, row.packId),
        sizeBytes: row.sizeBytes,
        indexSizeBytes: row.indexSizeBytes,
        ...(row.closureOf ? { closureOf: row.closureOf } : {}),
      }));
    },
    readRange: (key, offset, length) => objects.read(key, { start: offset, end: offset + length }),
  });

  return {
    storage,
    open: (repo, overlay) =>
      createObjectDb({
        storage: storage(repo),
        cache,
        scope: repo.publicId,
        ...(overlay ? { overlay } : {}),
      }),
  };
}

/** The content of a hot row. Throws `CorruptObject` when it does not inflate; its id is not checked. */
export function inflateHotRow({ deflated, sizeBytes, oid }: HotObject): Buffer {
  try {
    return inflateSync(deflated, {
      chunkSize: Math.max(64, sizeBytes),
      maxOutputLength: Math.max(1, sizeBytes),
    });
  } catch (error) {
    throw corruptObject(`hot row of ${oid}`, error);
  }
}
