import { sql } from 'kysely';
import { sha256Bytes, toSha256, xetHashBytes } from '../bytes.ts';
import type { InspectionStore } from '../questions/inspection.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import { toUpload } from './uploads.ts';

/** Hashes asked for by one statement. */
const SLICE = 500;

export function createInspectionStore({ db, dialect }: StoreContext): InspectionStore {
  return {
    namesOf: async (repositoryId) => {
      const rows = await db
        .selectFrom('repository_names')
        .select(['owner_id', 'kind', 'folded', 'is_redirect'])
        .where('repository_id', '=', repositoryId)
        .orderBy('id')
        .execute();
      return rows.map((row) => ({
        ownerId: row.owner_id,
        kind: row.kind,
        folded: row.folded,
        isRedirect: row.is_redirect === 1,
      }));
    },

    countHot: async (repositoryId) => {
      const { count, total } = await db
        .selectFrom('hot_objects')
        .select(({ fn }) => [
          fn.countAll<number>().as('count'),
          sql<number>`cast(coalesce(sum(length(deflated)), 0) as bigint)`.as('total'),
        ])
        .where('repository_id', '=', repositoryId)
        .executeTakeFirstOrThrow();
      return { count: Number(count), sizeBytes: total };
    },

    linkedAmong: async (repositoryId, sha256s) => {
      const linked = new Map<ReturnType<typeof toSha256>, number>();
      for (const slice of slices(sha256s, SLICE)) {
        const rows = await db
          .selectFrom('large_objects')
          .innerJoin('repository_objects', 'repository_objects.object_id', 'large_objects.id')
          .select(['large_objects.sha256', 'large_objects.size_bytes'])
          .where('large_objects.sha256', 'in', dialect.bytesRows(slice.map(sha256Bytes)))
          .where('repository_objects.repository_id', '=', repositoryId)
          .execute();
        for (const row of rows) linked.set(toSha256(row.sha256), row.size_bytes);
      }
      return linked;
    },

    removedAmong: async (repositoryId, sha256s) => {
      const removed = new Set<ReturnType<typeof toSha256>>();
      for (const slice of slices(sha256s, SLICE)) {
        const rows = await db
          .selectFrom('removed_objects')
          .select('sha256')
          .where('repository_id', '=', repositoryId)
          .where('sha256', 'in', dialect.bytesRows(slice.map(sha256Bytes)))
          .execute();
        for (const row of rows) removed.add(toSha256(row.sha256));
      }
      return removed;
    },

    linkersOf: async (objectId, limit) => {
      const rows = await db
        .selectFrom('repository_objects')
        .select('repository_id')
        .where('object_id', '=', objectId)
        .orderBy('repository_id')
        .limit(limit)
        .execute();
      return rows.map((row) => row.repository_id);
    },

    dependentsOf: async (xorb, limit) => {
      const rows = await db
        .selectFrom('xorbs')
        .innerJoin('xet_terms', 'xet_terms.xorb_id', 'xorbs.id')
        .innerJoin('xet_files', 'xet_files.id', 'xet_terms.file_id')
        .innerJoin('large_objects', 'large_objects.xet_hash', 'xet_files.hash')
        .innerJoin('repository_objects', 'repository_objects.object_id', 'large_objects.id')
        .select('repository_objects.repository_id')
        .distinct()
        .where('xorbs.hash', '=', xetHashBytes(xorb))
        .orderBy('repository_objects.repository_id')
        .limit(limit)
        .execute();
      return rows.map((row) => row.repository_id);
    },

    listUploads: async (after, limit) => {
      let uploads = db.selectFrom('uploads').selectAll().orderBy('public_id').limit(limit);
      if (after !== undefined) uploads = uploads.where('public_id', '>', after);
      return (await uploads.execute()).map(toUpload);
    },
  };
}
