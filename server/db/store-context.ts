import type { Kysely } from 'kysely';
import type { SqlDialect } from './dialect.ts';
import type { Tables } from './tables.ts';

/** What every store is made of: a handle that is good inside one transaction, and the dialect it speaks. */
export interface StoreContext {
  readonly db: Kysely<Tables>;
  readonly dialect: SqlDialect;
}
