import { sql, type ExpressionBuilder, type Insertable, type Selectable } from 'kysely';
import { corruptObject, HubError } from '../../domain/errors.ts';
import type { RepositoryId } from '../../domain/ids.ts';
import { sha256Bytes, toSha256, toXetHash, xetHashBytes } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import { createQuestion } from '../question.ts';
import type { LargeObject, LargeObjectStore } from '../questions/large-objects.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import type { LargeObjectTable, PendingObjectTable, RepositoryObjectTable, Tables } from '../tables.ts';

/** Ids asked for by one statement. */
const SLICE = 500;
/** Rows of one answer about samples: some chunks are in many objects. */
const MAX_SAMPLE_HITS = 2_000;

export const OBJECT_COLUMNS = [
  'large_objects.id',
  'large_objects.sha256',
  'large_objects.size_bytes',
  'large_objects.has_plain_form',
  'large_objects.xet_hash',
] as const;

export type ObjectRow = Omit<Selectable<LargeObjectTable>, 'created_at' | 'examined_at'>;

export const toLargeObject = (row: ObjectRow): LargeObject => ({
  id: row.id,
  sha256: toSha256(row.sha256),
  sizeBytes: row.size_bytes,
  hasPlainForm: row.has_plain_form === 1,
  xetHash: row.xet_hash ? toXetHash(row.xet_hash) : undefined,
});

export function createLargeObjectStore({ db, dialect }: StoreContext): LargeObjectStore {
  const selectObjects = () => db.selectFrom('large_objects').select(OBJECT_COLUMNS);

  const findBySha256 = createQuestion<{ sha256: Buffer }, ObjectRow>(db, (value) =>
    selectObjects().where('sha256', '=', value('sha256')),
  );

  const insertPlain = createQuestion<{ sha256: Buffer; sizeBytes: number; now: number }, ObjectRow>(
    db,
    (value) =>
      db
        .insertInto('large_objects')
        .values({
          sha256: value('sha256'),
          size_bytes: value('sizeBytes'),
          has_plain_form: 1,
          xet_hash: null,
          created_at: value('now'),
        })
        .onConflict((on) => on.column('sha256').doUpdateSet({ has_plain_form: 1 }))
        .returning(OBJECT_COLUMNS),
  );

  /** The one rule of sight: linked to the repository, or pending for it and not past its time. */
  const isSeenBy =
    (repositoryId: RepositoryId, now: number) => (eb: ExpressionBuilder<Tables, 'large_objects'>) =>
      eb.or([
        eb.exists(
          eb
            .selectFrom('repository_objects')
            .select('repository_objects.object_id')
            .whereRef('repository_objects.object_id', '=', 'large_objects.id')
            .where('repository_objects.repository_id', '=', repositoryId),
        ),
        eb.exists(
          eb
            .selectFrom('pending_objects')
            .select('pending_objects.object_id')
            .whereRef('pending_objects.object_id', '=', 'large_objects.id')
            .where('pending_objects.repository_id', '=', repositoryId)
            .where('pending_objects.until', '>', now),
        ),
      ]);

  const insertLinks = createRowInserter<Insertable<RepositoryObjectTable>>(
    db,
    ['repository_id', 'object_id', 'created_at', 'path', 'ref', 'pusher_id'],
    (rows) =>
      db
        .insertInto('repository_objects')
        .values(rows)
        .onConflict((on) => on.columns(['repository_id', 'object_id']).doNothing()),
  );

  const insertPendings = createRowInserter<Insertable<PendingObjectTable>>(
    db,
    ['repository_id', 'object_id', 'until'],
    (rows) =>
      db
        .insertInto('pending_objects')
        .values(rows)
        .onConflict((on) =>
          on.columns(['repository_id', 'object_id']).doUpdateSet({
            until: dialect.greatest(sql.ref('pending_objects.until'), sql.ref('excluded.until')),
          }),
        ),
  );

  /** Bytes with one SHA-256 have one length; a row that says otherwise cannot be trusted. */
  const checkSize = (row: ObjectRow, sizeBytes: number): LargeObject => {
    const object = toLargeObject(row);
    if (object.sizeBytes !== sizeBytes) throw corruptObject(`large object ${object.sha256}`);
    return object;
  };

  return {
    findForRepository: async (repositoryId, sha256s, now) => {
      const found: LargeObject[] = [];
      for (const slice of slices(sha256s, SLICE)) {
        const rows = await selectObjects()
          .where('sha256', 'in', dialect.bytesRows(slice.map(sha256Bytes)))
          .where(isSeenBy(repositoryId, now))
          .execute();
        for (const row of rows) found.push(toLargeObject(row));
      }
      return found;
    },

    findByXetHash: async (repositoryId, xetHash, now) => {
      const row = await selectObjects()
        .where('xet_hash', '=', xetHashBytes(xetHash))
        .where(isSeenBy(repositoryId, now))
        .orderBy('id')
        .limit(1)
        .executeTakeFirst();
      return row && toLargeObject(row);
    },

    findAny: async (sha256) => {
      const [row] = await findBySha256({ sha256: sha256Bytes(sha256) });
      return row && toLargeObject(row);
    },

    addPlainForm: async ({ sha256, sizeBytes }, now) => {
      const [row] = await insertPlain({ sha256: sha256Bytes(sha256), sizeBytes, now });
      if (!row) throw new HubError('Internal', 'A large object was not recorded.');
      return checkSize(row, sizeBytes);
    },

    addXetForm: async ({ sha256, sizeBytes, xetHash }, now) => {
      const row = await db
        .insertInto('large_objects')
        .values({
          sha256: sha256Bytes(sha256),
          size_bytes: sizeBytes,
          has_plain_form: 0,
          xet_hash: xetHashBytes(xetHash),
          created_at: now,
        })
        .onConflict((on) =>
          on.column('sha256').doUpdateSet((eb) => ({
            xet_hash: eb.fn.coalesce('large_objects.xet_hash', 'excluded.xet_hash'),
          })),
        )
        .returning(OBJECT_COLUMNS)
        .executeTakeFirstOrThrow();
      return checkSize(row, sizeBytes);
    },

    pend: async (repositoryId, objectIds, until) => {
      const distinct = [...new Set(objectIds)];
      await insertPendings(distinct.map((object_id) => ({ repository_id: repositoryId, object_id, until })));
    },

    listPending: async (repositoryId, now, afterId, limit) => {
      const rows = await selectObjects()
        .innerJoin('pending_objects', 'pending_objects.object_id', 'large_objects.id')
        .where('pending_objects.repository_id', '=', repositoryId)
        .where('pending_objects.until', '>', now)
        .where('pending_objects.object_id', '>', afterId)
        .orderBy('pending_objects.object_id')
        .limit(limit)
        .execute();
      return rows.map(toLargeObject);
    },

    link: async (repositoryId, objectIds, now, origin) => {
      await insertLinks(
        objectIds.map((object_id) => ({
          repository_id: repositoryId,
          object_id,
          created_at: now,
          path: origin?.paths.get(object_id) ?? null,
          ref: origin?.ref ?? null,
          pusher_id: origin?.pusherId ?? null,
        })),
      );
      for (const slice of slices(objectIds, SLICE)) {
        await db
          .deleteFrom('pending_objects')
          .where('repository_id', '=', repositoryId)
          .where('object_id', 'in', dialect.integerRows(slice))
          .execute();
      }
    },

    unlink: async (repositoryId, sha256s, now) => {
      for (const slice of slices(sha256s, SLICE)) {
        const hashes = dialect.bytesRows(slice.map(sha256Bytes));
        for (const table of ['repository_objects', 'pending_objects'] as const) {
          await db
            .deleteFrom(table)
            .where('repository_id', '=', repositoryId)
            .where('object_id', 'in', (eb) =>
              eb.selectFrom('large_objects').select('id').where('sha256', 'in', hashes),
            )
            .execute();
        }
        await db
          .insertInto('removed_objects')
          .values(
            slice.map((sha256) => ({
              repository_id: repositoryId,
              sha256: sha256Bytes(sha256),
              removed_at: now,
            })),
          )
          .onConflict((on) => on.columns(['repository_id', 'sha256']).doUpdateSet({ removed_at: now }))
          .execute();
      }
    },

    findLinked: async (repositoryId, sha256s) => {
      const found: LargeObject[] = [];
      for (const slice of slices(sha256s, SLICE)) {
        const rows = await selectObjects()
          .innerJoin('repository_objects', 'repository_objects.object_id', 'large_objects.id')
          .where('repository_objects.repository_id', '=', repositoryId)
          .where('large_objects.sha256', 'in', dialect.bytesRows(slice.map(sha256Bytes)))
          .execute();
        for (const row of rows) found.push(toLargeObject(row));
      }
      return found;
    },

    listFiles: async (repositoryId, afterId, limit) => {
      const rows = await selectObjects()
        .innerJoin('repository_objects', 'repository_objects.object_id', 'large_objects.id')
        .leftJoin('namespaces', 'namespaces.id', 'repository_objects.pusher_id')
        .select([
          'repository_objects.created_at as linked_at',
          'repository_objects.path',
          'repository_objects.ref',
          'namespaces.name as pusher',
        ])
        .where('repository_objects.repository_id', '=', repositoryId)
        .where('repository_objects.object_id', '>', afterId)
        .orderBy('repository_objects.object_id')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        ...toLargeObject(row),
        linkedAt: row.linked_at,
        path: row.path ?? undefined,
        ref: row.ref ?? undefined,
        pusher: row.pusher ?? undefined,
      }));
    },

    copyLinks: async (from, to, now) => {
      await db
        .insertInto('removed_objects')
        .columns(['repository_id', 'sha256', 'removed_at'])
        .expression((eb) =>
          eb
            .selectFrom('removed_objects')
            .select([eb.val(to).as('repository_id'), 'sha256', 'removed_at'])
            .where('repository_id', '=', from),
        )
        .execute();
      for (let after = 0; ;) {
        const page = await db
          .selectFrom('repository_objects')
          .select(['object_id', 'path', 'ref', 'pusher_id'])
          .where('repository_id', '=', from)
          .where('object_id', '>', after)
          .orderBy('object_id')
          .limit(SLICE)
          .execute();
        const last = page.at(-1);
        if (!last) return;
        await insertLinks(page.map((row) => ({ ...row, repository_id: to, created_at: now })));
        after = last.object_id;
      }
    },

    nextToExamine: async (minBytes) => {
      const row = await selectObjects()
        .where('examined_at', 'is', null)
        .where('has_plain_form', '=', 1)
        .where('xet_hash', 'is', null)
        .where('size_bytes', '>=', minBytes)
        .orderBy('id')
        .limit(1)
        .executeTakeFirst();
      return row && toLargeObject(row);
    },

    markExamined: async (objectId, samples, now) => {
      await db.updateTable('large_objects').set({ examined_at: now }).where('id', '=', objectId).execute();
      if (samples.length === 0) return;
      await db
        .insertInto('object_samples')
        .values(samples.map((hash) => ({ hash, object_id: objectId })))
        .onConflict((on) => on.columns(['hash', 'object_id']).doNothing())
        .execute();
    },

    findBySamples: async (hashes) => {
      // The limit also keeps SQLite from beginning with all objects in plain form, and trying every hash on each.
      const hits = db
        .selectFrom('object_samples')
        .select('object_id')
        .where('hash', 'in', dialect.bytesRows(hashes))
        .limit(MAX_SAMPLE_HITS);
      const rows = await db
        .selectFrom(hits.as('hits'))
        .innerJoin('large_objects', 'large_objects.id', 'hits.object_id')
        .select(OBJECT_COLUMNS)
        .select(({ fn }) => fn.countAll<number>().as('samples'))
        .groupBy('large_objects.id')
        .execute();
      return rows
        .filter(({ has_plain_form, xet_hash }) => has_plain_form === 1 && xet_hash === null)
        .map((row) => ({ object: toLargeObject(row), samples: Number(row.samples) }));
    },

    dropPlainForm: async (objectId) => {
      await db
        .updateTable('large_objects')
        .set({ has_plain_form: 0 })
        .where('id', '=', objectId)
        .where('xet_hash', 'is not', null)
        .execute();
      await db.deleteFrom('object_samples').where('object_id', '=', objectId).execute();
    },

    deleteExpiredPendings: async (now) => {
      const { numDeletedRows } = await db
        .deleteFrom('pending_objects')
        .where('until', '<=', now)
        .executeTakeFirst();
      return Number(numDeletedRows);
    },

    linkedBytes: async (repositoryId) => {
      const { total } = await db
        .selectFrom('repository_objects')
        .innerJoin('large_objects', 'large_objects.id', 'repository_objects.object_id')
        .select(sql<number>`cast(coalesce(sum(size_bytes), 0) as bigint)`.as('total'))
        .where('repository_objects.repository_id', '=', repositoryId)
        .executeTakeFirstOrThrow();
      return total;
    },

    linkedBytesByKind: async () => {
      const linked = db
        .selectFrom('repository_objects')
        .innerJoin('repositories', 'repositories.id', 'repository_objects.repository_id')
        .innerJoin('large_objects', 'large_objects.id', 'repository_objects.object_id')
        .select(['repositories.kind', 'large_objects.id', 'large_objects.size_bytes'])
        .distinct()
        .as('linked');
      const rows = await db
        .selectFrom(linked)
        .select(['kind', sql<number>`cast(sum(size_bytes) as bigint)`.as('total')])
        .groupBy('kind')
        .execute();
      const bytes = { model: 0, dataset: 0, space: 0, kernel: 0 };
      for (const { kind, total } of rows) if (kind !== 'bucket') bytes[kind] = total;
      return bytes;
    },

    listLinked: async (repositoryId, afterId, limit) => {
      const rows = await selectObjects()
        .innerJoin('repository_objects', 'repository_objects.object_id', 'large_objects.id')
        .where('repository_objects.repository_id', '=', repositoryId)
        .where('repository_objects.object_id', '>', afterId)
        .orderBy('repository_objects.object_id')
        .limit(limit)
        .execute();
      return rows.map(toLargeObject);
    },

    listAll: async (afterId, limit) => {
      const rows = await selectObjects().where('id', '>', afterId).orderBy('id').limit(limit).execute();
      return rows.map(toLargeObject);
    },

    totals: async () => {
      const { count, total } = await db
        .selectFrom('large_objects')
        .select(({ fn }) => [
          fn.countAll<number>().as('count'),
          sql<number>`cast(coalesce(sum(size_bytes), 0) as bigint)`.as('total'),
        ])
        .executeTakeFirstOrThrow();
      return { count: Number(count), sizeBytes: total };
    },
  };
}
