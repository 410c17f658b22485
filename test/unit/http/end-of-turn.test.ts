import { expect, test } from 'vitest';
import { endOfTurn } from '../../../server/http/end-of-turn.ts';

test('those who wait in one turn go on together, after what is in it and before the next', async () => {
  const heard: string[] = [];
  const wait = async (who: string): Promise<void> => {
    await endOfTurn();
    heard.push(who);
  };
  const first = wait('first');
  await Promise.resolve();
  const second = wait('second');
  setImmediate(() => heard.push('next turn'));
  heard.push('this turn');
  await Promise.all([first, second]);
  await wait('later');
  expect(heard).toEqual(['this turn', 'first', 'second', 'next turn', 'later']);
});
