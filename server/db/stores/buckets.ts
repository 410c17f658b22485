import { sql, type ExpressionBuilder, type Insertable } from 'kysely';
import type { RepositoryId, XetHash } from '../../domain/ids.ts';
import { xetHashBytes } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import type { BucketChange, BucketFile, BucketStore } from '../questions/buckets.ts';
import type { LargeObject } from '../questions/large-objects.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import type { BucketFileTable, RepositoryObjectTable, Tables } from '../tables.ts';
import { OBJECT_COLUMNS, toLargeObject, type ObjectRow } from './large-objects.ts';
import { isVisible, selectRepos, toRepo } from './repo-rows.ts';

/** Paths and ids asked for by one statement. */
const SLICE = 200;

type FileRow = ObjectRow & Pick<BucketFileTable, 'path' | 'modified_at' | 'content_type' | 'uploaded_at'>;

const toFile = (row: FileRow): BucketFile => ({
  path: row.path,
  object: toLargeObject(row),
  modifiedAt: row.modified_at ?? undefined,
  contentType: row.content_type ?? undefined,
  uploadedAt: row.uploaded_at,
});

export function createBucketStore(context: StoreContext): BucketStore {
  const { db, dialect } = context;

  const selectFiles = (id: RepositoryId) =>
    db
      .selectFrom('bucket_files')
      .innerJoin('large_objects', 'large_objects.id', 'bucket_files.object_id')
      .select(OBJECT_COLUMNS)
      .select([
        'bucket_files.path',
        'bucket_files.modified_at',
        'bucket_files.content_type',
        'bucket_files.uploaded_at',
      ])
      .where('bucket_files.repository_id', '=', id);

  const insertFiles = createRowInserter<Insertable<BucketFileTable>>(
    db,
    ['repository_id', 'path', 'object_id', 'modified_at', 'content_type', 'uploaded_at'],
    (rows) => db.insertInto('bucket_files').values(rows),
  );

  const insertLinks = createRowInserter<Insertable<RepositoryObjectTable>>(
    db,
    ['repository_id', 'object_id', 'created_at'],
    (rows) =>
      db
        .insertInto('repository_objects')
        .values(rows)
        .onConflict((on) => on.columns(['repository_id', 'object_id']).doNothing()),
  );

  const find: BucketStore['find'] = async (id, paths) => {
    const found: BucketFile[] = [];
    for (const slice of slices(paths, SLICE)) {
      const rows = await selectFiles(id)
        .where('bucket_files.path', 'in', dialect.textRows(slice))
        .orderBy('bucket_files.path')
        .execute();
      for (const row of rows) found.push(toFile(row));
    }
    return found;
  };

  /** Tie objects to the bucket; they wait for nothing any more. */
  const link = async (id: RepositoryId, objectIds: readonly number[], now: number): Promise<void> => {
    await insertLinks(objectIds.map((object_id) => ({ repository_id: id, object_id, created_at: now })));
    for (const slice of slices(objectIds, SLICE)) {
      await db
        .deleteFrom('pending_objects')
        .where('repository_id', '=', id)
        .where('object_id', 'in', dialect.integerRows(slice))
        .execute();
    }
  };

  /** Of a link of the bucket: no file of it has the object. */
  const isUnused = (id: RepositoryId) => (eb: ExpressionBuilder<Tables, 'repository_objects'>) =>
    eb.not(
      eb.exists(
        eb
          .selectFrom('bucket_files')
          .select('bucket_files.path')
          .where('bucket_files.repository_id', '=', id)
          .whereRef('bucket_files.object_id', '=', 'repository_objects.object_id'),
      ),
    );

  const unlinkUnused = async (id: RepositoryId, objectIds: readonly number[]): Promise<void> => {
    for (const slice of slices(objectIds, SLICE)) {
      await db
        .deleteFrom('repository_objects')
        .where('repository_id', '=', id)
        .where('object_id', 'in', dialect.integerRows(slice))
        .where(isUnused(id))
        .execute();
    }
  };

  return {
    find,

    totals: async (id) => {
      const row = await db
        .selectFrom('bucket_totals')
        .select(['file_count', 'size_bytes'])
        .where('repository_id', '=', id)
        .executeTakeFirst();
      return row && { fileCount: row.file_count, sizeBytes: row.size_bytes };
    },

    begin: async (id) => {
      await db
        .insertInto('bucket_totals')
        .values({ repository_id: id, file_count: 0, size_bytes: 0 })
        .execute();
    },

    list: async (scope, { owner, search, before, limit }) => {
      let buckets = selectRepos(context)
        .innerJoin('bucket_totals', 'bucket_totals.repository_id', 'repositories.id')
        .select(['bucket_totals.file_count', 'bucket_totals.size_bytes'])
        .where('repositories.owner_id', '=', owner)
        .where('repositories.kind', '=', 'bucket')
        .where(isVisible(context, scope))
        .orderBy('repositories.id', 'desc')
        .limit(limit);
      if (search !== undefined)
        buckets = buckets.where(dialect.contains(sql<string>`repositories.folded`, search));
      if (before !== undefined) buckets = buckets.where('repositories.id', '<', before as RepositoryId);
      const rows = await buckets.execute();
      return rows.map((row) => ({
        repo: toRepo(row),
        fileCount: row.file_count,
        sizeBytes: row.size_bytes,
      }));
    },

    listFiles: async (id, { from, before, limit }) => {
      let files = selectFiles(id)
        .where('bucket_files.path', '>=', from)
        .orderBy('bucket_files.path')
        .limit(limit);
      if (before !== undefined) files = files.where('bucket_files.path', '<', before);
      return (await files.execute()).map(toFile);
    },

    findObjects: async (id, xetHashes, pendingAt) => {
      const found = new Map<XetHash, LargeObject>();
      for (const slice of slices(xetHashes, SLICE)) {
        const rows = await db
          .selectFrom('large_objects')
          .select(OBJECT_COLUMNS)
          .where('large_objects.xet_hash', 'in', dialect.bytesRows(slice.map(xetHashBytes)))
          .where((eb) => {
            const isLinked = eb.exists(
              eb
                .selectFrom('repository_objects')
                .select('repository_objects.object_id')
                .whereRef('repository_objects.object_id', '=', 'large_objects.id')
                .where('repository_objects.repository_id', '=', id),
            );
            if (pendingAt === undefined) return isLinked;
            const isPending = eb.exists(
              eb
                .selectFrom('pending_objects')
                .select('pending_objects.object_id')
                .whereRef('pending_objects.object_id', '=', 'large_objects.id')
                .where('pending_objects.repository_id', '=', id)
                .where('pending_objects.until', '>', pendingAt),
            );
            return eb.or([isLinked, isPending]);
          })
          .orderBy('large_objects.id', 'desc')
          .execute();
        for (const row of rows) {
          const object = toLargeObject(row);
          if (object.xetHash !== undefined) found.set(object.xetHash, object);
        }
      }
      return found;
    },

    change: async (id, changes, now) => {
      const last = new Map<string, BucketChange['file']>();
      for (const { path, file } of changes) last.set(path, file);
      const before = await find(id, [...last.keys()]);
      for (const slice of slices([...before.map(({ path }) => path)], SLICE)) {
        await db
          .deleteFrom('bucket_files')
          .where('repository_id', '=', id)
          .where('path', 'in', dialect.textRows(slice))
          .execute();
      }
      const rows: Insertable<BucketFileTable>[] = [];
      let sizeBytes = 0;
      for (const [path, file] of last) {
        if (!file) continue;
        sizeBytes += file.object.sizeBytes;
        rows.push({
          repository_id: id,
          path,
          object_id: file.object.id,
          modified_at: file.modifiedAt ?? null,
          content_type: file.contentType ?? null,
          uploaded_at: now,
        });
      }
      await insertFiles(rows);
      await link(id, [...new Set(rows.map((row) => row.object_id))], now);
      await unlinkUnused(id, [...new Set(before.map(({ object }) => object.id))]);
      for (const { object } of before) sizeBytes -= object.sizeBytes;
      await db
        .updateTable('bucket_totals')
        .set((eb) => ({
          file_count: eb('file_count', '+', rows.length - before.length),
          size_bytes: eb('size_bytes', '+', sizeBytes),
        }))
        .where('repository_id', '=', id)
        .execute();
    },

    inspect: async (id) => {
      const files = await db
        .selectFrom('bucket_files')
        .innerJoin('large_objects', 'large_objects.id', 'bucket_files.object_id')
        .leftJoin('repository_objects', (join) =>
          join
            .onRef('repository_objects.object_id', '=', 'bucket_files.object_id')
            .onRef('repository_objects.repository_id', '=', 'bucket_files.repository_id'),
        )
        .select(({ fn }) => [
          fn.countAll<number>().as('count'),
          sql<number>`cast(coalesce(sum(large_objects.size_bytes), 0) as bigint)`.as('total'),
          fn.count<number>('repository_objects.object_id').as('linked'),
        ])
        .where('bucket_files.repository_id', '=', id)
        .executeTakeFirstOrThrow();
      const links = await db
        .selectFrom('repository_objects')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('repository_id', '=', id)
        .where(isUnused(id))
        .executeTakeFirstOrThrow();
      const fileCount = Number(files.count);
      return {
        fileCount,
        sizeBytes: files.total,
        unlinked: fileCount - Number(files.linked),
        unused: Number(links.count),
      };
    },
  };
}
