import type { Database } from '../db/stores.ts';
import type { RepositoryId } from '../domain/ids.ts';
import { createPackBuilder } from '../git/pack-write.ts';
import { packIndexKey, packKey } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import { createSpool } from '../platform/spool.ts';

/** Beyond either bound a repository's hot rows are worth a pack. */
export const ROLL_UP_BOUNDS = { count: 2_000, sizeBytes: 8 * 1024 * 1024 } as const;

const PAGE = 500;
/** One roll-up takes this many rows at most; the next run takes the rest. */
const MAX_ROWS = 50_000;
const SPOOL_MEMORY_BYTES = 4 * 1024 * 1024;

/**
 * Turn the hot rows of a repository into a pack: the pack is put first, then one transaction names it and deletes
 * the rows it holds. Readers ask rows before packs, so nothing is missing at any moment. Answers how many rows moved.
 */
export function createRollUp(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly stagingFolder: string;
  readonly rightOfWay: Pick<RightOfWay, 'giveWay'>;
}): {
  rollUp(repositoryId: RepositoryId): Promise<number>;
  /** Repositories that are due. */
  due(): Promise<readonly RepositoryId[]>;
} {
  const { db, objects, clock, rightOfWay } = parts;
  return {
    due: () => db.read((stores) => stores.gitObjects.repositoriesToRoll(ROLL_UP_BOUNDS, 100)),

    async rollUp(repositoryId) {
      const repo = await db.read((stores) => stores.repos.findById(repositoryId));
      if (!repo) return 0;
      const spool = createSpool({ folder: parts.stagingFolder, memoryBytes: SPOOL_MEMORY_BYTES });
      try {
        const builder = createPackBuilder({ spool });
        const ids: number[] = [];
        for (let after = 0; ids.length < MAX_ROWS;) {
          await rightOfWay.giveWay();
          const rows = await db.read((stores) => stores.gitObjects.listHot(repositoryId, after, PAGE));
          const last = rows.at(-1);
          if (!last) break;
          for (const row of rows) {
            await builder.addDeflated(row.type, row.sizeBytes, row.oid, row.deflated);
            ids.push(row.id);
          }
          after = last.id;
        }
        if (ids.length === 0) return 0;
        const pack = await builder.finish();
        await failPoint('roll-up-packed');
        await objects.put(packKey(repo.publicId, pack.packId), pack.bytes(), { sizeBytes: pack.sizeBytes });
        await objects.put(packIndexKey(repo.publicId, pack.packId), pack.index);
        await failPoint('roll-up-stored');
        const row = {
          packId: pack.packId,
          source: 'rolled' as const,
          objectCount: pack.objectCount,
          sizeBytes: pack.sizeBytes,
          indexSizeBytes: pack.index.byteLength,
        };
        await db.write(async (stores) => {
          // A repository that was deleted meanwhile has no rows left; its pack is then swept as unclaimed.
          if (!(await stores.repos.findById(repositoryId))) return;
          await stores.gitObjects.addPack(repositoryId, row, clock.now());
          await stores.gitObjects.deleteHot(repositoryId, ids);
          await failPoint('roll-up-switching');
        });
        await failPoint('roll-up-done');
        return ids.length;
      } finally {
        await spool.dispose();
      }
    },
  };
}
