import { createMemoryStore } from '../../server/objects/memory.ts';
import { objectStoreSuite } from './object-store.suite.ts';

objectStoreSuite('memory', async (guard) => ({
  store: createMemoryStore({ now: Date.now, ...guard }),
  leftovers: async () => [],
}));
