import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Actor } from '../../../server/domain/access.ts';
import { ANONYMOUS } from '../../../server/domain/access.ts';
import { createFetchTurns } from '../../../server/services/fetch-turns.ts';

const person = (id: number): Actor => ({ kind: 'user', user: { id } }) as Actor;
const signal = new AbortController().signal;
const silent = (): void => undefined;

describe('turns of fetches', () => {
  it('are given in order, so many at a time to each person', async () => {
    const turns = createFetchTurns({ user: 2, anonymous: 1, patienceMs: 10_000 });
    const order: number[] = [];
    let waited = 0;
    const held: Disposable[] = [];
    const take = async (n: number): Promise<void> => {
      const turn = await turns.take(person(1), signal, () => (waited += 1));
      order.push(n);
      held.push(turn);
    };
    const all = [1, 2, 3, 4].map(take);
    await delay(5);
    expect([order, waited]).toEqual([[1, 2], 2]);
    // Others are not in this line.
    using other = await turns.take(person(2), signal, silent);
    using anonymous = await turns.take(ANONYMOUS, signal, silent);
    using key = await turns.take({ kind: 'deploy-key', publicId: 'k' } as Actor, signal, silent);
    expect([other, anonymous, key]).toHaveLength(3);
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
    const first = await turns.take(person(1), signal, silent);
    await expect(turns.take(person(1), signal, silent)).rejects.toMatchObject({ code: 'TooManyRequests' });
    const leaving = new AbortController();
    const gone = turns.take(person(1), leaving.signal, silent);
    leaving.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    await expect(turns.take(person(1), leaving.signal, silent)).rejects.toThrow('gone');
    first[Symbol.dispose]();
    using next = await turns.take(person(1), signal, silent);
    expect(next).toBeDefined();
  });
});
