import { CompiledQuery, type Compilable, type Kysely } from 'kysely';
import { slices } from './slices.ts';
import type { Tables } from './tables.ts';

/** Rows per statement: few enough to stay well under the limits on bound values and under a millisecond or two. */
const MAX_ROWS = 128;

/**
 * A set-based insert of any number of rows. Building a statement of a hundred rows costs more than running it, so
 * its text is made once per number of rows, and only powers of two are used.
 *
 * `statement` builds the insert for some rows; nothing but the rows may be bound in it. The answer has what its
 * `returning` clause asks for.
 */
export function createRowInserter<Row extends object, Returned = never>(
  db: Kysely<Tables>,
  columns: readonly (keyof Row & string)[],
  statement: (rows: readonly Row[]) => Compilable<Returned>,
): (rows: readonly Row[]) => Promise<readonly Returned[]> {
  const texts = new Map<number, string>();

  const textFor = (rows: readonly Row[]): string => {
    const known = texts.get(rows.length);
    if (known !== undefined) return known;
    const made = statement(rows.map((row) => inColumnOrder(row, columns))).compile().sql;
    texts.set(rows.length, made);
    return made;
  };

  return async (rows) => {
    const returned: Returned[] = [];
    for (const run of slices(rows, MAX_ROWS)) {
      for (const slice of powersOfTwo(run)) {
        const values: unknown[] = [];
        for (const row of slice) for (const column of columns) values.push(row[column]);
        const result = await db.executeQuery<Returned>(CompiledQuery.raw(textFor(slice), values));
        for (const row of result.rows) returned.push(row);
      }
    }
    return returned;
  };
}

/** Kysely binds values in the order of the first row's keys. */
function inColumnOrder<Row extends object>(row: Row, columns: readonly (keyof Row & string)[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column]])) as Row;
}

function* powersOfTwo<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length;) {
    const size = 2 ** Math.floor(Math.log2(items.length - start));
    yield items.slice(start, start + size);
    start += size;
  }
}
