import { openTemporaryDatabase } from '../support/people.ts';
import { openPglite } from '../support/pglite.ts';
import { databaseSuite } from './database.suite.ts';

databaseSuite('SQLite', () =>
  Promise.resolve({
    open: openTemporaryDatabase,
    shutDown: () => Promise.resolve(),
  }),
);

databaseSuite('PGlite', async () => {
  const pglite = await openPglite();
  return {
    open: async () => {
      await pglite.empty();
      return { db: pglite.db, dispose: () => Promise.resolve() };
    },
    shutDown: () => pglite.close(),
  };
});
