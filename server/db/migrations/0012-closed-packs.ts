import type { Migration } from './migration.ts';

/**
 * The tips of a push whose pack held all that they lead to and nothing else: whoever asks for just these from the
 * beginning is sent the pack as it lies.
 */
export const closedPacks: Migration = {
  name: '0012-closed-packs',
  up: async (db, { bytes }) => {
    await db.schema.alterTable('packs').addColumn('closure_of', bytes).execute();
  },
};
