import { afterEach, beforeEach, expect, it } from 'vitest';
import { createKeptReads, type KeptReads } from '../../../server/services/kept-reads.ts';
import { openTemporaryDatabase, type TemporaryDatabase } from '../../support/people.ts';

let temporary: TemporaryDatabase;
let kept: KeptReads;
let loads: number;

beforeEach(async () => {
  temporary = await openTemporaryDatabase();
  kept = createKeptReads({ db: temporary.db, maxEntries: 3 });
  loads = 0;
});
afterEach(() => temporary.dispose());

const set = (value: string): Promise<void> =>
  temporary.db.write((stores) => stores.settings.set('color', value));

const color = () =>
  kept.read('color', async () => {
    loads += 1;
    return temporary.db.read((stores) => stores.settings.get('color'));
  });

it('an answer is loaded once as long as nothing changes', async () => {
  await set('green');
  expect([await color(), await color(), await color()]).toEqual(['green', 'green', 'green']);
  expect(loads).toBe(1);
});

it('any committed write makes every answer load anew', async () => {
  await set('green');
  await color();
  await temporary.db.write((stores) => stores.settings.set('other', 'x'));
  expect(await color()).toBe('green');
  expect(loads).toBe(2);
  await set('blue');
  expect(await color()).toBe('blue');
});

it('an answer that a write has overtaken is given but not kept', async () => {
  await set('green');
  const slow = await kept.read('color', async () => {
    const before = await temporary.db.read((stores) => stores.settings.get('color'));
    await set('blue');
    return before;
  });
  expect(slow).toBe('green');
  expect(await color()).toBe('blue');
});

it('reads do not make answers untrue, and writes that are undone may', async () => {
  await set('green');
  await color();
  await temporary.db.read((stores) => stores.settings.get('color'));
  await color();
  expect(loads).toBe(1);
  const undone = temporary.db.write(async (stores) => {
    await stores.settings.set('color', 'blue');
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await color()).toBe('green');
});

it('what is absent is not kept, and there is room for so many answers only', async () => {
  for (const key of ['a', 'b']) {
    const absent = () => kept.read(key, () => Promise.resolve((loads += 1) > 0 ? undefined : loads));
    await absent();
    await absent();
  }
  expect(loads).toBe(4);
  for (const key of ['a', 'b', 'c', 'd']) await kept.read(key, () => Promise.resolve(key));
  expect(await kept.read('d', () => Promise.resolve('anew'))).toBe('d');
  expect(await kept.read('a', () => Promise.resolve('anew'))).toBe('anew');
});

it('nothing is kept where other processes may write', async () => {
  const shared = createKeptReads({ db: { version: () => undefined }, maxEntries: 3 });
  const count = () => shared.read('count', () => Promise.resolve((loads += 1)));
  expect([await count(), await count()]).toEqual([1, 2]);
});
