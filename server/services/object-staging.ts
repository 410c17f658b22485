import type { HotObject, NewPack } from '../db/questions/git-objects.ts';
import type { Oid, PublicId } from '../domain/ids.ts';
import type { GitObjectType, NewGitObject } from '../git/object-storage.ts';
import { hashObject } from '../git/objects.ts';
import { createPackBuilder, deflateObject, type PackBuilder } from '../git/pack-write.ts';
import { packIndexKey, packKey } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { failPoint } from '../platform/fail-points.ts';
import { createSpool, type Spool } from '../platform/spool.ts';
import { createTimeSlice } from '../platform/time-slice.ts';

/** Up to here a commit's objects are rows of the transaction that moves the ref; above, a pack (design 2.2). */
export const MAX_HOT_BYTES = 1024 * 1024;
export const MAX_HOT_OBJECTS = 1000;
const SPOOL_MEMORY_BYTES = 4 * 1024 * 1024;

type HotRow = Omit<HotObject, 'id'>;

/** What the transaction that moves the ref has to insert. */
export interface StagedObjects {
  readonly hotObjects: readonly HotRow[];
  readonly packs: readonly NewPack[];
}

/**
 * Objects on their way into a repository. Few and small ones become rows; as soon as they are many they become a
 * pack, which is put into the object store before any row speaks of it.
 */
export interface ObjectStaging {
  add(type: GitObjectType, content: Buffer): Promise<Oid>;
  addObject(object: NewGitObject): Promise<void>;
  /** Put what became a pack. Answers what the transaction inserts; may be called again for later additions. */
  store(): Promise<StagedObjects>;
  dispose(): Promise<void>;
}

export function createObjectStaging(parts: {
  readonly repository: PublicId;
  readonly objects: ObjectStore;
  readonly stagingFolder: string;
  readonly source: NewPack['source'];
}): ObjectStaging {
  let hot = new Map<Oid, HotRow>();
  let hotBytes = 0;
  let pack: { readonly builder: PackBuilder; readonly spool: Spool } | undefined;
  const storedPacks: NewPack[] = [];
  const slice = createTimeSlice();

  async function openPack(): Promise<PackBuilder> {
    if (!pack) {
      const spool = createSpool({ folder: parts.stagingFolder, memoryBytes: SPOOL_MEMORY_BYTES });
      pack = { spool, builder: createPackBuilder({ spool }) };
      for (const row of hot.values())
        await pack.builder.addDeflated(row.type, row.sizeBytes, row.oid, row.deflated);
      hot = new Map();
      hotBytes = 0;
    }
    return pack.builder;
  }

  async function addContent(type: GitObjectType, oid: Oid, content: Buffer): Promise<void> {
    if (hot.has(oid) || pack?.builder.has(oid)) return;
    const deflated = await deflateObject(content);
    if (pack || content.byteLength > MAX_HOT_BYTES) {
      await (await openPack()).addDeflated(type, content.byteLength, oid, deflated);
      return;
    }
    hot.set(oid, { oid, type, sizeBytes: content.byteLength, deflated });
    hotBytes += deflated.byteLength;
    if (hotBytes > MAX_HOT_BYTES || hot.size > MAX_HOT_OBJECTS) await openPack();
  }

  return {
    async add(type, content) {
      const oid = hashObject(type, content);
      await addContent(type, oid, content);
      if (slice.isOver()) await slice.next();
      return oid;
    },

    async addObject(object) {
      await addContent(object.type, object.oid, object.content);
      if (slice.isOver()) await slice.next();
    },

    async store() {
      if (pack) {
        const built = await pack.builder.finish();
        const { packId } = built;
        const row = {
          packId,
          source: parts.source,
          objectCount: built.objectCount,
          sizeBytes: built.sizeBytes,
        };
        await parts.objects.put(packKey(parts.repository, packId), built.bytes(), {
          sizeBytes: built.sizeBytes,
        });
        await failPoint('pack-stored');
        await parts.objects.put(packIndexKey(parts.repository, packId), built.index);
        await failPoint('pack-indexed');
        storedPacks.push({ ...row, indexSizeBytes: built.index.byteLength });
        await pack.spool.dispose();
        pack = undefined;
      }
      return { hotObjects: [...hot.values()], packs: storedPacks };
    },

    async dispose() {
      await pack?.spool.dispose();
    },
  };
}
