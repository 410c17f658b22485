import { sql, type Insertable, type Selectable } from 'kysely';
import { HubError } from '../../domain/errors.ts';
import type { XetHash } from '../../domain/ids.ts';
import { toXetHash, xetHashBytes } from '../bytes.ts';
import { createRowInserter } from '../insert-rows.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import type { XetStore, XorbRow } from '../stores.ts';
import type { XetTermTable, XorbTable } from '../tables.ts';

/** Hashes asked for by one statement. */
const SLICE = 500;

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
    addXorb: async (xorb, now) => {
      await db
        .insertInto('xorbs')
        .values({
          hash: xetHashBytes(xorb.hash),
          size_bytes: xorb.sizeBytes,
          raw_bytes: xorb.rawBytes,
          chunk_count: xorb.chunkCount,
          created_at: now,
        })
        .onConflict((on) => on.column('hash').doNothing())
        .execute();
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
