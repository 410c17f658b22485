import { expect, test } from 'vitest';
import type { Ref } from '../../../server/db/questions/refs.ts';
import type { Stores } from '../../../server/db/stores.ts';
import type { RepositoryId } from '../../../server/domain/ids.ts';
import { shown } from '../../../server/domain/names.ts';
import { createRefClashes, refuseClashes } from '../../../server/services/ref-clashes.ts';

const asked: string[] = [];
const storesWith = (...names: readonly string[]): Pick<Stores, 'refs'> => ({
  refs: {
    async *pages(_: RepositoryId, prefix: string) {
      asked.push(prefix);
      await Promise.resolve();
      for (const name of names) if (name.startsWith(prefix)) yield [{ name } as Ref];
    },
  } as unknown as Stores['refs'],
});

const refuse = (created: readonly string[], ...stored: readonly string[]): Promise<void> =>
  refuseClashes(storesWith(...stored, ...created), 1 as RepositoryId, createRefClashes(created));

test.each([
  ['refs/heads/a/b', 'refs/heads/a'],
  ['refs/heads/a', 'refs/heads/a/b/c'],
  ['refs/heads/A/b', 'refs/heads/a'],
  ['refs/heads/name', 'refs/heads/Name'],
  ['refs/tags/\u00e9', 'refs/tags/e\u0301'],
])('%s cannot be made beside %s, and the sentence names both in that order', async (created, stored) => {
  await expect(refuse([created], stored)).rejects.toMatchObject({
    code: 'Conflict',
    message: `Reference ${shown(created)} cannot exist beside ${shown(stored)}.`,
  });
});

test('what has nothing to do with each other stands side by side, and only kinds that grow are read', async () => {
  asked.length = 0;
  await refuse(['refs/heads/a/b', 'refs/heads/a/c'], 'refs/heads/a-b', 'refs/heads/b', 'refs/tags/a');
  expect(asked).toEqual(['refs/heads/']);
  await refuse([], 'refs/heads/a');
  expect(asked).toEqual(['refs/heads/']);
});
