import { sql, type Insertable, type Selectable } from 'kysely';
import { HubError } from '../../domain/errors.ts';
import type { XetHash } from '../../domain/ids.ts';
import { toXetHash, xetHashBytes } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import type { XetStore, XorbRow } from '../questions/xet.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import { isVisible } from './repo-rows.ts';
import type { XetTermTable, XorbSampleTable, XorbTable } from '../tables.ts';

/** Hashes asked for by one statement. */
const SLICE = 500;
/** Files with one chunk that are looked at, whoever may read them: some chunks are everywhere. */
const MAX_CANDIDATES = 500;

const toXorb = (row: Omit<Selectable<XorbTable>, 'id' | 'created_at'>): XorbRow => ({
  hash: toXetHash(row.hash),
  sizeBytes: row.size_bytes,
  rawBytes: row.raw_bytes,
  chunkCount: row.chunk_count,
});

export function createXetStore({ db, dialect }: StoreContext): XetStore {
  const selectXorbs = () => db.selectFrom('xorbs').select(['hash', 'size_bytes', 'raw_bytes', 'chunk_count']);

  const insertTerms = createRowInserter<Insertable<XetTermTable>>(
    db,
    ['file_id', 'ordinal', 'xorb_id', 'chunk_start', 'chunk_end', 'unpacked_bytes'],
    (rows) => db.insertInto('xet_terms').values(rows),
  );

  const insertSamples = createRowInserter<Insertable<XorbSampleTable>>(db, ['hash', 'xorb_id'], (rows) =>
    db
      .insertInto('xorb_samples')
      .values(rows)
      .onConflict((on) => on.columns(['hash', 'xorb_id']).doNothing()),
  );

  const xorbKeys = async (hashes: Iterable<XetHash>): Promise<ReadonlyMap<XetHash, number>> => {
    const keys = new Map<XetHash, number>();
    for (const slice of slices([...new Set(hashes)], SLICE)) {
      const rows = await db
        .selectFrom('xorbs')
        .select(['id', 'hash'])
        .where('hash', 'in', dialect.bytesRows(slice.map(xetHashBytes)))
        .execute();
      for (const row of rows) keys.set(toXetHash(row.hash), row.id);
    }
    return keys;
  };

  return {
    addXorb: async (xorb, samples, now) => {
      const row = await db
        .insertInto('xorbs')
        .values({
          hash: xetHashBytes(xorb.hash),
          size_bytes: xorb.sizeBytes,
          raw_bytes: xorb.rawBytes,
          chunk_count: xorb.chunkCount,
          created_at: now,
        })
        .onConflict((on) => on.column('hash').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (row) await insertSamples(samples.map((hash) => ({ hash, xorb_id: row.id })));
    },

    addSamples: async (samples) => {
      const keys = await xorbKeys(samples.map(({ xorb }) => xorb));
      const rows = samples.flatMap(({ xorb, hash }) => {
        const xorbId = keys.get(xorb);
        return xorbId === undefined ? [] : [{ hash, xorb_id: xorbId }];
      });
      await insertSamples(rows);
    },

    findBySamples: async (hashes, limit) => {
      const rows = await db
        .selectFrom('xorb_samples')
        .innerJoin('xorbs', 'xorbs.id', 'xorb_samples.xorb_id')
        .select('xorbs.hash')
        .distinct()
        .where('xorb_samples.hash', 'in', dialect.bytesRows(hashes))
        .limit(limit)
        .execute();
      return rows.map((row) => toXetHash(row.hash));
    },

    rangesAround: async (scope, hash, limits) => {
      const candidates = db
        .selectFrom('xorb_samples')
        .innerJoin('xet_terms', 'xet_terms.xorb_id', 'xorb_samples.xorb_id')
        .select('xet_terms.file_id')
        .distinct()
        .where('xorb_samples.hash', '=', hash)
        .orderBy('xet_terms.file_id', 'desc')
        .limit(MAX_CANDIDATES)
        .as('candidates');
      const files = await db
        .selectFrom(candidates)
        .innerJoin('xet_files', 'xet_files.id', 'candidates.file_id')
        .innerJoin('large_objects', 'large_objects.xet_hash', 'xet_files.hash')
        .innerJoin('repository_objects', 'repository_objects.object_id', 'large_objects.id')
        .innerJoin('repositories', 'repositories.id', 'repository_objects.repository_id')
        .select('xet_files.id')
        .distinct()
        .where(isVisible({ db, dialect }, scope))
        .orderBy('xet_files.id', 'desc')
        .limit(limits.files)
        .execute();
      const rows = await db
        .selectFrom('xet_terms')
        .innerJoin('xorbs', 'xorbs.id', 'xet_terms.xorb_id')
        .select(['xorbs.hash', 'xet_terms.chunk_start', 'xet_terms.chunk_end'])
        .where('xet_terms.file_id', 'in', dialect.integerRows(files.map(({ id }) => id)))
        .orderBy('xet_terms.file_id', 'desc')
        .orderBy('xet_terms.ordinal')
        .limit(limits.terms)
        .execute();
      return rows.map((row) => ({
        xorb: toXetHash(row.hash),
        chunkStart: row.chunk_start,
        chunkEnd: row.chunk_end,
      }));
    },

    findXorbs: async (hashes) => {
      const found: XorbRow[] = [];
      for (const slice of slices(hashes, SLICE)) {
        const rows = await selectXorbs()
          .where('hash', 'in', dialect.bytesRows(slice.map(xetHashBytes)))
          .execute();
        for (const row of rows) found.push(toXorb(row));
      }
      return found;
    },

    addFile: async (file, now) => {
      const row = await db
        .insertInto('xet_files')
        .values({ hash: xetHashBytes(file.hash), size_bytes: file.sizeBytes, created_at: now })
        .onConflict((on) => on.column('hash').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!row) return;
      const keys = await xorbKeys(file.terms.map((term) => term.xorb));
      await insertTerms(
        file.terms.map((term, ordinal) => {
          const xorbId = keys.get(term.xorb);
          if (xorbId === undefined) {
            throw new HubError('InvalidObject', `The file refers to the unknown xorb ${term.xorb}.`);
          }
          return {
            file_id: row.id,
            ordinal,
            xorb_id: xorbId,
            chunk_start: term.chunkStart,
            chunk_end: term.chunkEnd,
            unpacked_bytes: term.unpackedBytes,
          };
        }),
      );
    },

    findFile: async (hash) => {
      const file = await db
        .selectFrom('xet_files')
        .select(['id', 'size_bytes'])
        .where('hash', '=', xetHashBytes(hash))
        .executeTakeFirst();
      if (!file) return undefined;
      const terms = await db
        .selectFrom('xet_terms')
        .innerJoin('xorbs', 'xorbs.id', 'xet_terms.xorb_id')
        .select(['xorbs.hash', 'xet_terms.chunk_start', 'xet_terms.chunk_end', 'xet_terms.unpacked_bytes'])
        .where('xet_terms.file_id', '=', file.id)
        .orderBy('xet_terms.ordinal')
        .execute();
      return {
        sizeBytes: file.size_bytes,
        terms: terms.map((row) => ({
          xorb: toXetHash(row.hash),
          chunkStart: row.chunk_start,
          chunkEnd: row.chunk_end,
          unpackedBytes: row.unpacked_bytes,
        })),
      };
    },

    listXorbs: async (after, limit) => {
      let xorbs = selectXorbs().orderBy('hash').limit(limit);
      if (after !== undefined) xorbs = xorbs.where('hash', '>', xetHashBytes(after));
      return (await xorbs.execute()).map(toXorb);
    },

    totals: async () => {
      const { count, total } = await db
        .selectFrom('xorbs')
        .select(({ fn }) => [
          fn.countAll<number>().as('count'),
          sql<number>`cast(coalesce(sum(size_bytes), 0) as bigint)`.as('total'),
        ])
        .executeTakeFirstOrThrow();
      return { xorbs: Number(count), sizeBytes: total };
    },
  };
}
