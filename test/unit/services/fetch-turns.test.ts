import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Actor } from '../../../server/domain/access.ts';
import { ANONYMOUS } from '../../../server/domain/access.ts';
import { createFetchTurns } from '../../../server/services/fetch-turns.ts';

const person = (id: number): Actor => ({ kind: 'user', user: { id } }) as Actor;
const signal = new AbortController().signal;
const HOME = '127.0.0.1';
const silent = (): void => undefined;

describe('turns of fetches', () => {
  it('are given in order, so many at a time to each person', async () => {
    const turns = createFetchTurns({ user: 2, anonymous: 1, patienceMs: 10_000 });
    const order: number[] = [];
    let waited = 0;
    const held: Disposable[] = [];
    const take = async (n: number): Promise<void> => {
      const turn = await turns.take(person(1), HOME, signal, () => (waited += 1));
      order.push(n);
      held.push(turn);
    };
    const all = [1, 2, 3, 4].map(take);
    await delay(5);
    expect([order, waited]).toEqual([[1, 2], 2]);
    // Others are not in this line.
    using other = await turns.take(person(2), HOME, signal, silent);
    using anonymous = await turns.take(ANONYMOUS, HOME, signal, silent);
    using key = await turns.take({ kind: 'deploy-key', publicId: 'k' } as Actor, HOME, signal, silent);
    using elsewhere = await turns.take(ANONYMOUS, '192.0.2.1', signal, silent);
    expect([other, anonymous, key, elsewhere]).toHaveLength(4);
    for (const turn of held.splice(0, 1)) {
      turn[Symbol.dispose]();
      // Twice is once.
      turn[Symbol.dispose]();
    }
    await delay(5);
    expect(order).toEqual([1, 2, 3]);
    held.pop()?.[Symbol.dispose]();
    await Promise.all(all);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('are not waited for without end, nor by those who are gone', async () => {
    const turns = createFetchTurns({ user: 1, anonymous: 1, patienceMs: 20 });
    const first = await turns.take(person(1), HOME, signal, silent);
    await expect(turns.take(person(1), HOME, signal, silent)).rejects.toMatchObject({
      code: 'TooManyRequests',
    });
    const leaving = new AbortController();
    const gone = turns.take(person(1), HOME, leaving.signal, silent);
    leaving.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    await expect(turns.take(person(1), HOME, leaving.signal, silent)).rejects.toThrow('gone');
    first[Symbol.dispose]();
    using next = await turns.take(person(1), HOME, signal, silent);
    expect(next).toBeDefined();
  });
});
