import type { Insertable } from 'kysely';
import { createRowInserter } from '../insert-rows.ts';
import type { JobStore } from '../questions/jobs.ts';
import type { StoreContext } from '../store-context.ts';
import type { JobTable } from '../tables.ts';

export function createJobStore({ db, dialect }: StoreContext): JobStore {
  const insertWaiting = createRowInserter<Insertable<JobTable>>(
    db,
    ['kind', 'key', 'payload', 'run_at', 'lease_until', 'problem', 'created_at'],
    (rows) =>
      db
        .insertInto('jobs')
        .values(rows)
        .onConflict((on) => on.columns(['kind', 'key']).where('lease_until', 'is', null).doNothing()),
  );

  return {
    enqueue: async ({ kind, key, payload, runAt }, now) => {
      const waiting = { run_at: runAt, lease_until: null, problem: null, created_at: now };
      await insertWaiting([{ kind, key, payload, ...waiting }]);
    },

    claim: async (now, leaseMs) =>
      db
        .updateTable('jobs')
        .set((eb) => ({ lease_until: now + leaseMs, attempts: eb('attempts', '+', 1) }))
        .where('id', '=', (eb) =>
          eb
            .selectFrom('jobs as due')
            .select('due.id')
            .where('due.run_at', '<=', now)
            .where(({ eb, or }) => or([eb('due.lease_until', 'is', null), eb('due.lease_until', '<=', now)]))
            // The same work enqueued again waits until the run under way is over.
            .where(({ not, exists, selectFrom }) =>
              not(
                exists(
                  selectFrom('jobs as running')
                    .select('running.id')
                    .whereRef('running.kind', '=', 'due.kind')
                    .whereRef('running.key', '=', 'due.key')
                    .whereRef('running.id', '!=', 'due.id')
                    .where('running.lease_until', '>', now),
                ),
              ),
            )
            .orderBy('due.run_at')
            .orderBy('due.id')
            .limit(1)
            .modifyEnd(dialect.skipLocked),
        )
        .returning(['id', 'kind', 'key', 'payload', 'attempts'])
        .executeTakeFirst(),

    releaseAll: async (now) => {
      await db.updateTable('jobs').set({ lease_until: now }).where('lease_until', '>', now).execute();
    },

    finish: async (id) => {
      await db.deleteFrom('jobs').where('id', '=', id).execute();
    },

    retry: async (id, runAt, problem) => {
      // When the same work was enqueued meanwhile, that entry stands for both.
      const { numDeletedRows } = await db
        .deleteFrom('jobs')
        .where('jobs.id', '=', id)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('jobs as waiting')
              .select('waiting.id')
              .whereRef('waiting.kind', '=', 'jobs.kind')
              .whereRef('waiting.key', '=', 'jobs.key')
              .whereRef('waiting.id', '!=', 'jobs.id')
              .where('waiting.lease_until', 'is', null),
          ),
        )
        .executeTakeFirst();
      if (numDeletedRows > 0n) return;
      await db
        .updateTable('jobs')
        .set({ lease_until: null, run_at: runAt, problem })
        .where('id', '=', id)
        .execute();
    },

    counts: async () => {
      const { waiting, total } = await db
        .selectFrom('jobs')
        .select(({ fn, eb }) => [
          fn.countAll<number>().as('total'),
          fn.countAll<number>().filterWhere(eb.ref('lease_until'), 'is', null).as('waiting'),
        ])
        .executeTakeFirstOrThrow();
      return { waiting: Number(waiting), running: Number(total) - Number(waiting) };
    },
  };
}
