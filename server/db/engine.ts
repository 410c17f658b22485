import type { Kysely } from 'kysely';
import type { MigrationTarget } from './migrate.ts';
import type { Tables } from './tables.ts';

/** A database system under the stores: it opens transactions and knows how it is. */
export interface Engine extends MigrationTarget {
  /**
   * Run `work` in one transaction, inside its scope: committed durably when this resolves, undone when it throws.
   * A `read` sees one consistent state and never waits for a `write`.
   */
  transact<Result>(mode: 'read' | 'write', work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result>;
  /** As `Database.version`. */
  version(): number | undefined;
  /** Sentences about what is wrong; empty when all is well. */
  check(): Promise<readonly string[]>;
  /** Wait for open transactions and let go of everything. */
  close(): Promise<void>;
}
