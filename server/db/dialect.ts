import { sql, type ColumnDefinitionBuilder, type RawBuilder } from 'kysely';

/**
 * The few places where SQLite and PostgreSQL differ, each by name. Everything else in this folder is SQL that both
 * take. Lists travel as one JSON parameter, so that a question has one SQL text whatever the length of its list.
 */
export interface SqlDialect {
  readonly name: 'sqlite' | 'postgres';

  /** Type of a column of raw bytes. */
  readonly bytes: RawBuilder<unknown>;
  /** Type of a text column that compares by code point, never by locale. */
  readonly text: RawBuilder<unknown>;
  /** Type of a column of integers up to 2^53. */
  readonly integer: RawBuilder<unknown>;
  /** Make a column the table's integer key; keys are never reused. */
  key(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  /** Ends the definition of a table whose rows are small and are only read in order of their primary key. */
  readonly clustered: RawBuilder<unknown>;

  /** Rows of one column `value` in parentheses, for `in` and `join`. */
  textRows(values: readonly string[]): RawBuilder<string>;
  integerRows<Id extends number>(values: readonly Id[]): RawBuilder<Id>;
  bytesRows(values: readonly Uint8Array[]): RawBuilder<Uint8Array>;

  /** True where `part` occurs in `text`. */
  contains(text: RawBuilder<string>, part: string): RawBuilder<boolean>;
  greatest(left: RawBuilder<number>, right: RawBuilder<number>): RawBuilder<number>;
  /** Ends a query that picks a row to change: pass over rows that another transaction is about to change. */
  readonly skipLocked: RawBuilder<unknown>;
}

const hexList = (values: readonly Uint8Array[]): string =>
  JSON.stringify(values.map((value) => Buffer.from(value).toString('hex')));

export const sqliteDialect: SqlDialect = {
  name: 'sqlite',
  bytes: sql`blob`,
  text: sql`text`,
  integer: sql`integer`,
  key: (column) => column.primaryKey().autoIncrement(),
  clustered: sql`without rowid`,
  textRows: (values) => sql`(select value from json_each(${JSON.stringify(values)}))`,
  integerRows: (values) => sql`(select value from json_each(${JSON.stringify(values)}))`,
  bytesRows: (values) => sql`(select unhex(value) as value from json_each(${hexList(values)}))`,
  contains: (text, part) => sql`instr(${text}, ${part}) > 0`,
  greatest: (left, right) => sql`max(${left}, ${right})`,
  skipLocked: sql``,
};

export const postgresDialect: SqlDialect = {
  name: 'postgres',
  bytes: sql`bytea`,
  text: sql`text collate "C"`,
  integer: sql`bigint`,
  key: (column) => column.primaryKey().generatedAlwaysAsIdentity(),
  clustered: sql``,
  textRows: (values) =>
    sql`(select value from json_array_elements_text(cast(${JSON.stringify(values)} as json)))`,
  integerRows: (values) =>
    sql`(select cast(value as bigint) as value from json_array_elements_text(cast(${JSON.stringify(values)} as json)))`,
  bytesRows: (values) =>
    sql`(select decode(value, 'hex') as value from json_array_elements_text(cast(${hexList(values)} as json)))`,
  contains: (text, part) => sql`strpos(${text}, ${part}) > 0`,
  greatest: (left, right) => sql`greatest(${left}, ${right})`,
  skipLocked: sql`for update skip locked`,
};
