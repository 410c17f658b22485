import { deflateSync } from 'node:zlib';
import { corruptObject } from '../../server/domain/errors.ts';
import type { Oid } from '../../server/domain/ids.ts';
import type {
  GitObject,
  GitStorage,
  HotEntry,
  NewGitObject,
  PackRef,
} from '../../server/git/object-storage.ts';

/** The git port over plain maps, with what a test needs to fill, damage and watch it. */
export interface MemoryGitStorage extends GitStorage {
  /** Hot rows; change them freely. */
  readonly hot: Map<Oid, GitObject>;
  /** Stored bytes by key; change them freely. */
  readonly files: Map<string, Buffer>;
  /** Calls of `readRange` so far. */
  readonly reads: { readonly key: string; readonly offset: number; readonly length: number }[];
  addHot(objects: Iterable<NewGitObject>): void;
  /** Store a pack; the newest is listed first. */
  addPack(id: string, pack: Buffer, index: Buffer): PackRef;
  removePack(id: string): void;
}

export function createMemoryGitStorage(): MemoryGitStorage {
  const hot = new Map<Oid, GitObject>();
  const files = new Map<string, Buffer>();
  const reads: { key: string; offset: number; length: number }[] = [];
  let packs: PackRef[] = [];

  return {
    hot,
    files,
    reads,
    hotObjects(oids) {
      const found = new Map<Oid, GitObject>();
      for (const oid of oids) {
        const object = hot.get(oid);
        if (object !== undefined) found.set(oid, object);
      }
      return Promise.resolve(found);
    },
    hotEntries(oids) {
      const found = new Map<Oid, HotEntry>();
      for (const oid of oids) {
        const object = hot.get(oid);
        if (object === undefined) continue;
        const { type, content } = object;
        found.set(oid, { type, sizeBytes: content.length, deflated: deflateSync(content) });
      }
      return Promise.resolve(found);
    },
    hotOidsByPrefix(prefix, limit) {
      const oids = [...hot.keys()].filter((oid) => oid.startsWith(prefix)).sort();
      return Promise.resolve(oids.slice(0, limit));
    },
    packs: () => Promise.resolve([...packs]),
    readRange(key, offset, length) {
      reads.push({ key, offset, length });
      const file = files.get(key);
      if (file === undefined || offset + length > file.length) {
        return Promise.reject(corruptObject(`${key} is absent or too short`));
      }
      return Promise.resolve(file.subarray(offset, offset + length));
    },
    addHot(objects) {
      for (const { oid, type, content } of objects) hot.set(oid, { type, content });
    },
    addPack(id, pack, index) {
      const ref: PackRef = {
        id,
        packKey: `packs/test/${id}.pack`,
        indexKey: `packs/test/${id}.idx`,
        sizeBytes: pack.length,
        indexSizeBytes: index.length,
      };
      files.set(ref.packKey, pack);
      files.set(ref.indexKey, index);
      packs = [ref, ...packs];
      return ref;
    },
    removePack(id) {
      for (const ref of packs.filter((pack) => pack.id === id)) {
        files.delete(ref.packKey);
        files.delete(ref.indexKey);
      }
      packs = packs.filter((pack) => pack.id !== id);
    },
  };
}
