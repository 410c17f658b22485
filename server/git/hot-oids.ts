import type { Oid } from '../domain/ids.ts';
import type { GitStorage } from './object-storage.ts';

const ROW_PAGE = 4096;

/** Ids of all hot rows. The port lists by prefix: one that is full is asked again with one more digit. */
export async function* hotOids(
  storage: Pick<GitStorage, 'hotOidsByPrefix'>,
  prefix = '',
): AsyncGenerator<Oid> {
  const some = await storage.hotOidsByPrefix(prefix, ROW_PAGE);
  if (some.length < ROW_PAGE) {
    yield* some;
    return;
  }
  for (const digit of '0123456789abcdef') yield* hotOids(storage, prefix + digit);
}
