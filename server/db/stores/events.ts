import type { Insertable } from 'kysely';
import { createRowInserter } from '../insert-rows.ts';
import type { EventStore } from '../questions/events.ts';
import type { StoreContext } from '../store-context.ts';
import type { EventTable } from '../tables.ts';

export function createEventStore({ db }: StoreContext): EventStore {
  const insert = createRowInserter<Insertable<EventTable>>(
    db,
    ['kind', 'repository_id', 'actor_id', 'payload', 'at'],
    (rows) => db.insertInto('events').values(rows),
  );

  return {
    append: async (event) => {
      await insert([
        {
          kind: event.kind,
          repository_id: event.repositoryId ?? null,
          actor_id: event.actorId ?? null,
          payload: event.payload,
          at: event.at,
        },
      ]);
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
