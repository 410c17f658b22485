import type { SettingStore } from '../questions/settings.ts';
import type { StoreContext } from '../store-context.ts';

export function createSettingStore({ db }: StoreContext): SettingStore {
  const find = (key: string) => db.selectFrom('settings').select('value').where('key', '=', key);

  return {
    get: async (key) => (await find(key).executeTakeFirst())?.value,

    set: async (key, value) => {
      await db
        .insertInto('settings')
        .values({ key, value })
        .onConflict((on) => on.column('key').doUpdateSet({ value }))
        .execute();
    },

    setDefault: async (key, value) => {
      await db
        .insertInto('settings')
        .values({ key, value })
        .onConflict((on) => on.column('key').doNothing())
        .execute();
      return (await find(key).executeTakeFirstOrThrow()).value;
    },
  };
}
