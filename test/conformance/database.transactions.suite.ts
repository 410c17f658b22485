import { describe, expect, test } from 'vitest';
import type { Stores } from '../../server/db/stores.ts';
import { insideTransaction } from '../../server/platform/transaction-scope.ts';
import type { Fixture } from './database.suite.ts';

export function transactionSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('transactions', () => {
    test('a write is there for the next read', async () => {
      await change((stores) => stores.settings.set('color', 'blue'));
      expect(await ask((stores) => stores.settings.get('color'))).toBe('blue');
    });

    test('a write that throws leaves nothing behind and reports what was thrown', async () => {
      const problem = new Error('changed my mind');
      const attempt = change(async (stores) => {
        await stores.settings.set('color', 'blue');
        throw problem;
      });
      await expect(attempt).rejects.toBe(problem);
      expect(await ask((stores) => stores.settings.get('color'))).toBeUndefined();
    });

    test('a write goes on after a refused question', async () => {
      await change(async (stores) => {
        const ann = { fullName: '', email: undefined, passwordHash: undefined, isAdmin: false, now: 1 };
        await stores.accounts.createUser({ name: 'ann', ...ann });
        await expect(stores.accounts.createUser({ name: 'ANN', ...ann })).rejects.toMatchObject({
          code: 'Conflict',
        });
        await stores.settings.set('color', 'blue');
      });
      expect(await ask((stores) => stores.accounts.countUsers())).toBe(1);
      expect(await ask((stores) => stores.settings.get('color'))).toBe('blue');
    });

    test('a transaction inside another one is refused', async () => {
      for (const outer of ['read', 'write'] as const) {
        for (const inner of ['read', 'write'] as const) {
          const attempt = fixture.db[outer](() => fixture.db[inner](() => Promise.resolve()));
          await expect(attempt).rejects.toMatchObject({ code: 'Internal', message: /inside another/ });
        }
      }
      await change((stores) => stores.settings.set('still', 'works'));
    });

    test('code knows whether it runs inside a transaction', async () => {
      expect(insideTransaction()).toBe(false);
      await ask(() => Promise.resolve(expect(insideTransaction()).toBe(true)));
      await change(() => Promise.resolve(expect(insideTransaction()).toBe(true)));
      expect(insideTransaction()).toBe(false);
    });

    test('work that outlives its transaction is not inside any more', async () => {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      let later: Promise<boolean> | undefined;
      await ask(() => {
        later = ended.then(() => insideTransaction());
        return Promise.resolve();
      });
      end();
      expect(await later).toBe(false);
    });

    test('stores kept beyond their transaction answer nothing', async () => {
      let kept: Stores | undefined;
      await change((stores) => {
        kept = stores;
        return Promise.resolve();
      });
      await expect(kept?.settings.get('color')).rejects.toMatchObject({ code: 'Internal' });
      await expect(kept?.settings.set('color', 'red')).rejects.toMatchObject({ code: 'Internal' });
      expect(await ask((stores) => stores.settings.get('color'))).toBeUndefined();
    });

    test('a read cannot change anything', async () => {
      await expect(ask((stores) => stores.settings.set('color', 'blue'))).rejects.toThrow();
      expect(await ask((stores) => stores.settings.get('color'))).toBeUndefined();
    });

    test('fifty counts at once lose none', async () => {
      await change((stores) => stores.settings.set('count', '0'));
      await Promise.all(
        Array.from({ length: 50 }, () =>
          change(async (stores) => {
            const count = Number(await stores.settings.get('count'));
            await new Promise((resolve) => setImmediate(resolve));
            await stores.settings.set('count', String(count + 1));
          }),
        ),
      );
      expect(await ask((stores) => stores.settings.get('count'))).toBe('50');
    });

    test('a healthy database has no problems to report', async () => {
      expect(await fixture.db.check()).toEqual([]);
    });
  });
}
