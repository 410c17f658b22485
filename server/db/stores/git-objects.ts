import type { Insertable } from 'kysely';
import type { RepositoryId } from '../../domain/ids.ts';
import { asBuffer, oidBytes, toOid } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import type { GitObjectStore, HotObject, PackRow, StoredObjectType } from '../questions/git-objects.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import type { HotObjectTable } from '../tables.ts';

/** Ids asked for by one statement. */
const SLICE = 500;
const OID_HEX_LENGTH = 40;
/** Rows copied by one statement; each has its bytes, up to a megabyte. */
const COPY_SLICE = 32;

/** git's own numbers (gitformat-pack, "object types"). */
const TYPE_NUMBERS: Readonly<Record<StoredObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };
const TYPES = new Map(
  Object.entries(TYPE_NUMBERS).map(([type, number]) => [number, type as StoredObjectType]),
);

const HOT_COLUMNS = ['id', 'oid', 'type', 'size_bytes', 'deflated'] as const;

interface HotRow {
  readonly id: number;
  readonly oid: Uint8Array;
  readonly type: number;
  readonly size_bytes: number;
  readonly deflated: Uint8Array;
}

const toHotObject = (row: HotRow): HotObject => ({
  id: row.id,
  oid: toOid(row.oid),
  type: TYPES.get(row.type) ?? 'blob',
  sizeBytes: row.size_bytes,
  deflated: asBuffer(row.deflated),
});

export function createGitObjectStore({ db, dialect }: StoreContext): GitObjectStore {
  const insertHotRows = createRowInserter<Insertable<HotObjectTable>, { stored_bytes: number }>(
    db,
    ['repository_id', 'oid', 'type', 'size_bytes', 'stored_bytes', 'deflated'],
    (rows) =>
      db
        .insertInto('hot_objects')
        .values(rows)
        .onConflict((on) => on.columns(['repository_id', 'oid']).doNothing())
        .returning('stored_bytes'),
  );

  const addToTotals = async (
    repositoryId: RepositoryId,
    rows: readonly { stored_bytes: number }[],
    sign: 1 | -1,
  ): Promise<void> => {
    if (rows.length === 0) return;
    const bytes = sign * rows.reduce((sum, row) => sum + row.stored_bytes, 0);
    await db
      .insertInto('hot_object_totals')
      .values({ repository_id: repositoryId, object_count: sign * rows.length, stored_bytes: bytes })
      .onConflict((on) =>
        on.column('repository_id').doUpdateSet((eb) => ({
          object_count: eb('hot_object_totals.object_count', '+', eb.ref('excluded.object_count')),
          stored_bytes: eb('hot_object_totals.stored_bytes', '+', eb.ref('excluded.stored_bytes')),
        })),
      )
      .execute();
  };

  return {
    insertHot: async (repositoryId, objects) => {
      const rows = objects.map((object) => ({
        repository_id: repositoryId,
        oid: oidBytes(object.oid),
        type: TYPE_NUMBERS[object.type],
        size_bytes: object.sizeBytes,
        stored_bytes: object.deflated.byteLength,
        deflated: object.deflated,
      }));
      await addToTotals(repositoryId, await insertHotRows(rows), 1);
    },

    findHot: async (repositoryId, oids) => {
      const found: HotObject[] = [];
      for (const slice of slices(oids, SLICE)) {
        const rows = await db
          .selectFrom('hot_objects')
          .select(HOT_COLUMNS)
          .where('repository_id', '=', repositoryId)
          .where('oid', 'in', dialect.bytesRows(slice.map(oidBytes)))
          .execute();
        for (const row of rows) found.push(toHotObject(row));
      }
      return found;
    },

    hotOidsByPrefix: async (repositoryId, hexPrefix, limit) => {
      const rows = await db
        .selectFrom('hot_objects')
        .select('oid')
        .where('repository_id', '=', repositoryId)
        .where('oid', '>=', Buffer.from(hexPrefix.padEnd(OID_HEX_LENGTH, '0'), 'hex'))
        .where('oid', '<=', Buffer.from(hexPrefix.padEnd(OID_HEX_LENGTH, 'f'), 'hex'))
        .orderBy('oid')
        .limit(limit)
        .execute();
      return rows.map((row) => toOid(row.oid));
    },

    hotTotals: async (repositoryId) => {
      const row = await db
        .selectFrom('hot_object_totals')
        .select(['object_count', 'stored_bytes'])
        .where('repository_id', '=', repositoryId)
        .executeTakeFirst();
      return { count: row?.object_count ?? 0, sizeBytes: row?.stored_bytes ?? 0 };
    },

    repositoriesToRoll: async ({ count, sizeBytes }, limit) => {
      const rows = await db
        .selectFrom('hot_object_totals')
        .select('repository_id')
        .where(({ eb, or }) => or([eb('object_count', '>', count), eb('stored_bytes', '>', sizeBytes)]))
        .orderBy('object_count', 'desc')
        .limit(limit)
        .execute();
      return rows.map((row) => row.repository_id);
    },

    listHot: async (repositoryId, after, limit) => {
      const rows = await db
        .selectFrom('hot_objects')
        .select(HOT_COLUMNS)
        .where('repository_id', '=', repositoryId)
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(toHotObject);
    },

    deleteHot: async (repositoryId, ids) => {
      for (const slice of slices(ids, SLICE)) {
        const deleted = await db
          .deleteFrom('hot_objects')
          .where('repository_id', '=', repositoryId)
          .where('id', 'in', dialect.integerRows(slice))
          .returning('stored_bytes')
          .execute();
        await addToTotals(repositoryId, deleted, -1);
      }
    },

    addPack: async (repositoryId, pack, now) => {
      await db
        .insertInto('packs')
        .values({
          repository_id: repositoryId,
          pack_id: pack.packId,
          home: (eb) => eb.selectFrom('repositories').select('public_id').where('id', '=', repositoryId),
          source: pack.source,
          object_count: pack.objectCount,
          size_bytes: pack.sizeBytes,
          index_size_bytes: pack.indexSizeBytes,
          created_at: now,
          closure_of: pack.closureOf ?? null,
        })
        .onConflict((on) => on.columns(['repository_id', 'pack_id']).doNothing())
        .execute();
    },

    packs: async (repositoryId) => {
      const rows = await db
        .selectFrom('packs')
        .selectAll()
        .where('repository_id', '=', repositoryId)
        .orderBy('id', 'desc')
        .execute();
      return rows.map((row): PackRow => ({
        packId: row.pack_id,
        home: row.home,
        source: row.source,
        objectCount: row.object_count,
        sizeBytes: row.size_bytes,
        indexSizeBytes: row.index_size_bytes,
        createdAt: row.created_at,
        ...(row.closure_of === null ? {} : { closureOf: row.closure_of }),
      }));
    },

    isPackListed: async (home, packId) => {
      const row = await db
        .selectFrom('packs')
        .select('id')
        .where('home', '=', home)
        .where('pack_id', '=', packId)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    mayHoldUnreachable: async (repositoryId) => {
      const row = await db
        .selectFrom('repositories')
        .select('may_hold_unreachable')
        .where('id', '=', repositoryId)
        .executeTakeFirst();
      return row?.may_hold_unreachable !== 0;
    },

    noteUnreachable: async (repositoryId) => {
      await db
        .updateTable('repositories')
        .set({ may_hold_unreachable: 1 })
        .where('id', '=', repositoryId)
        .where('may_hold_unreachable', '=', 0)
        .execute();
    },

    copyAll: async (from, to) => {
      const packColumns = [
        ...(['pack_id', 'home', 'source', 'object_count', 'size_bytes', 'index_size_bytes'] as const),
        ...(['created_at', 'closure_of'] as const),
      ];
      await db
        .insertInto('packs')
        .columns(['repository_id', ...packColumns])
        .expression((eb) =>
          eb
            .selectFrom('packs')
            .select([eb.val(to).as('repository_id'), ...packColumns])
            .where('repository_id', '=', from)
            .orderBy('id'),
        )
        .execute();
      for (let after = 0; ;) {
        const page = await db
          .selectFrom('hot_objects')
          .select('id')
          .where('repository_id', '=', from)
          .where('id', '>', after)
          .orderBy('id')
          .limit(COPY_SLICE)
          .execute();
        const last = page.at(-1);
        if (!last) return;
        const columns = ['oid', 'type', 'size_bytes', 'stored_bytes', 'deflated'] as const;
        const copied = await db
          .insertInto('hot_objects')
          .columns(['repository_id', ...columns])
          .expression((eb) =>
            eb
              .selectFrom('hot_objects')
              .select([eb.val(to).as('repository_id'), ...columns])
              .where('repository_id', '=', from)
              .where('id', '>', after)
              .where('id', '<=', last.id)
              .orderBy('id'),
          )
          .returning('stored_bytes')
          .execute();
        await addToTotals(to, copied, 1);
        after = last.id;
      }
    },
  };
}
