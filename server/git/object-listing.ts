import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { hotOids } from './hot-oids.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitStorage } from './object-storage.ts';
import { createOidTable } from './oid-table.ts';
import type { SelectedObjects } from './selected-objects.ts';

/** Everything that a repository stores, for an answer that needs no walk. Types are not known, so it is one group. */
export async function listObjects(
  storage: Pick<GitStorage, 'hotOidsByPrefix'>,
  db: Pick<ObjectDb, 'packs'>,
  signal?: AbortSignal,
): Promise<SelectedObjects> {
  const slice = createTimeSlice();
  const oids = createOidTable();
  // Rows before packs: a row that is rolled up meanwhile is in a pack by the time packs are listed.
  for await (const oid of hotOids(storage)) oids.add(oid);
  for (const { index } of await db.packs()) {
    for (let row = 0; row < index.objectCount; row += 1) {
      oids.add(index.oidAt(row));
      if (row % 1024 === 0 && slice.isOver()) {
        signal?.throwIfAborted();
        await slice.next();
      }
    }
  }
  return {
    oids,
    get count() {
      return oids.size;
    },
    groups: 1,
    groupAt: () => 0,
    formerAt: () => undefined,
    isHeld: (_oid: Oid) => false,
  };
}
