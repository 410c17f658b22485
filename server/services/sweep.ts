import type { Database } from '../db/stores.ts';
import { isPublicId, isSha256, isXetHash } from '../domain/ids.ts';
import {
  KEY_ROOTS,
  largeObjectName,
  packId,
  packOwner,
  uploadOwner,
  uploadPartKey,
  xorbName,
} from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';

const DAY_MS = 86_400_000;
/** An answered commit is answered again for this long; clients retry within minutes. */
const ANSWER_MEMORY_MS = 7 * DAY_MS;
/** Nothing younger is ever swept: longer than any upload or transaction takes. */
export const SWEEP_GRACE_MS = DAY_MS;
const BATCH = 100;
/** Setting: when the last sweep began that came to its end, in milliseconds since the epoch. */
export const SWEPT_AT = 'swept-at';

export interface SweepReport {
  readonly uploads: number;
  readonly pendings: number;
  readonly objects: number;
}

/**
 * Remove what was begun and never finished: expired uploads with their parts, permissions to commit that ran out,
 * and stored objects that no row speaks of, such as a kill between a put and its transaction leaves.
 */
export function createSweep(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly rightOfWay: Pick<RightOfWay, 'giveWay'>;
}): { sweep(): Promise<SweepReport> } {
  const { db, objects, clock, rightOfWay } = parts;

  async function sweepUploads(): Promise<number> {
    let count = 0;
    for (;;) {
      const expired = await db.read((stores) => stores.uploads.listExpired(clock.now(), BATCH));
      if (expired.length === 0) return count;
      for (const upload of expired) {
        const stored = await db.read((stores) => stores.uploads.parts(upload.publicId));
        await db.write((stores) => stores.uploads.delete(upload.publicId));
        for (const part of stored) await objects.delete(uploadPartKey(upload.publicId, part.number));
        count++;
      }
    }
  }

  const isUploadGone = async (id: string): Promise<boolean> =>
    isPublicId(id) && !(await db.read((stores) => stores.uploads.exists(id)));

  // A pack may outlive the repository it is stored under: a duplicate goes on listing it.
  const isPackUnclaimed = async (home: string, id: string): Promise<boolean> =>
    isPublicId(home) && !(await db.read((stores) => stores.gitObjects.isPackListed(home, id)));

  const isLargeObjectUnclaimed = async (name: string): Promise<boolean> =>
    isSha256(name) && !(await db.read((stores) => stores.largeObjects.findAny(name)))?.hasPlainForm;

  const isXorbUnclaimed = async (name: string): Promise<boolean> =>
    isXetHash(name) && (await db.read((stores) => stores.xet.findXorbs([name]))).length === 0;

  /** Old objects under a prefix for which nobody has a row. */
  async function sweepUnclaimed(
    prefix: string,
    isUnclaimed: (key: string) => Promise<boolean>,
  ): Promise<number> {
    const oldest = clock.now() - SWEEP_GRACE_MS;
    let count = 0;
    for await (const { key, modifiedAt } of objects.list(prefix)) {
      await rightOfWay.giveWay();
      if (modifiedAt >= oldest || !(await isUnclaimed(key))) continue;
      // Whoever needs it after all puts it again before making a row, so age decides at the last moment.
      if (await objects.deleteOlder(key, oldest)) count++;
    }
    return count;
  }

  return {
    async sweep() {
      const startedAt = clock.now();
      const uploads = await sweepUploads();
      const pendings = await db.write((stores) => stores.largeObjects.deleteExpiredPendings(clock.now()));
      await db.write((stores) => stores.commitRequests.deleteOlderThan(clock.now() - ANSWER_MEMORY_MS));
      const strayParts = await sweepUnclaimed(KEY_ROOTS.uploads, (key) => isUploadGone(uploadOwner(key)));
      const strayPacks = await sweepUnclaimed(KEY_ROOTS.packs, (key) =>
        isPackUnclaimed(packOwner(key), packId(key)),
      );
      const strayLarge = await sweepUnclaimed(KEY_ROOTS.large, (key) =>
        isLargeObjectUnclaimed(largeObjectName(key)),
      );
      const strayXorbs = await sweepUnclaimed(KEY_ROOTS.xorbs, (key) => isXorbUnclaimed(xorbName(key)));
      const strayProbes = await sweepUnclaimed(KEY_ROOTS.probes, () => Promise.resolve(true));
      await objects.abortOlder(startedAt - SWEEP_GRACE_MS);
      await db.write((stores) => stores.settings.set(SWEPT_AT, String(startedAt)));
      const strays = strayParts + strayPacks + strayLarge + strayXorbs + strayProbes;
      return { uploads, pendings, objects: strays };
    },
  };
}
