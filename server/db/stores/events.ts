import type { StoreContext } from '../store-context.ts';
import type { EventStore } from '../stores.ts';

export function createEventStore({ db }: StoreContext): EventStore {
  return {
    append: async (event) => {
      await db
        .insertInto('events')
        .values({
          kind: event.kind,
          repository_id: event.repositoryId ?? null,
          actor_id: event.actorId ?? null,
          payload: event.payload,
          at: event.at,
        })
        .execute();
    },

    list: async (after, limit) => {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        id: row.id,
        kind: row.kind,
        repositoryId: row.repository_id ?? undefined,
        actorId: row.actor_id ?? undefined,
        payload: row.payload,
        at: row.at,
      }));
    },
  };
}
