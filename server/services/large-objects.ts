import type { Database } from '../db/stores.ts';
import { corruptObject } from '../domain/errors.ts';
import type { Sha256 } from '../domain/ids.ts';
import type { ByteRange, ByteSource } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Granted } from './authorize.ts';
import type { Xet } from './xet.ts';

/** Large objects as a reader of a repository gets them, whichever form they are held in. */
export interface LargeObjects {
  open(granted: Granted<'read'>, sha256: Sha256, range: ByteRange | undefined): Promise<ByteSource>;
}

export function createLargeObjects(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly xet: Xet;
}): LargeObjects {
  const { db, clock, xet } = parts;
  return {
    async open({ repo }, sha256, range) {
      const [object] = await db.read((stores) =>
        stores.largeObjects.findForRepository(repo.id, [sha256], clock.now()),
      );
      if (!object) throw corruptObject(`large object ${sha256}`);
      return xet.openLargeObject(object, range);
    },
  };
}
