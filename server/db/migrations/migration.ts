import type { Kysely } from 'kysely';
import type { SqlDialect } from '../dialect.ts';

/** One step of the schema. Steps only go forward, and a released step is never edited. */
export interface Migration {
  readonly name: string;
  up(db: Kysely<unknown>, dialect: SqlDialect): Promise<void>;
}
