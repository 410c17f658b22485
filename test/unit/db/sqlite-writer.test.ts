import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createExclusiveQueue } from '../../../server/db/exclusive-queue.ts';
import { createSqliteSeat } from '../../../server/db/sqlite-dialect.ts';
import { createSqliteWriter, type SqliteWriter } from '../../../server/db/sqlite-writer.ts';
import { openSqliteRole, type SqliteConnection } from '../../../server/db/sqlite.ts';
import type { Tables } from '../../../server/db/tables.ts';
import { createTurnBudget } from '../../../server/db/turn-budget.ts';

let folder: string;
let connection: SqliteConnection;
let writer: SqliteWriter;
/** What the next transaction waits for. */
let moved: Promise<void> | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-db-'));
  connection = openSqliteRole({ file: join(folder, 'hub.db') }, 'write');
  connection.exec('create table notes (id integer primary key, text text not null)');
  const seat = createSqliteSeat(connection, 'begin immediate', createTurnBudget());
  const db = new Kysely<Tables>({ dialect: seat.dialect });
  const queue = createExclusiveQueue();
  moved = undefined;
  writer = createSqliteWriter({ connection, seat, db, queue, onCommitted: () => moved });
});
afterEach(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

const note = (id: number, text = 'note'): Promise<number> =>
  writer.write(async (db) => {
    await sql`insert into notes (id, text) values (${id}, ${text})`.execute(db);
    return id;
  });

const notes = (): readonly number[] =>
  connection.prepare('select id from notes order by id').pluck().all() as number[];

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

it('writes that wait at the same time share a commit', async () => {
  const before = writer.version();
  expect(await Promise.all(range(40).map((id) => note(id)))).toEqual(range(40));
  expect(notes()).toEqual(range(40));
  expect(writer.version() - before).toBeLessThan(10);
});

it('one that fails is undone alone, and hears of its own failure', async () => {
  await note(3);
  const outcomes = await Promise.allSettled(range(6).map((id) => note(id)));
  expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, true, true]);
  expect(notes()).toEqual(range(6));
  const thrown = writer.write(async (db) => {
    await sql`insert into notes (id, text) values (100, 'undone')`.execute(db);
    throw new Error('changed my mind');
  });
  const [failed, kept] = await Promise.allSettled([thrown, note(101)]);
  expect(failed).toMatchObject({ reason: new Error('changed my mind') });
  expect(kept).toMatchObject({ value: 101 });
  expect(notes()).toEqual([...range(6), 101]);
});

it('nobody is answered before the commit', async () => {
  const isOpenAtAnswer: boolean[] = [];
  await Promise.all(
    range(20).map(async (id) => {
      await note(id);
      isOpenAtAnswer.push(connection.inTransaction && !notes().includes(id));
    }),
  );
  expect(isOpenAtAnswer).toEqual(Array(20).fill(false));
});

it('the next transaction waits for what follows a commit, the answer to it does not', async () => {
  let finish = (): void => undefined;
  moved = new Promise((resolve) => (finish = resolve));
  await note(0);
  const next = note(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([connection.inTransaction, ...notes()]).toEqual([false, 0]);
  finish();
  await next;
  expect(notes()).toEqual([0, 1]);
});

it('each sees what those before it wrote', async () => {
  const counts = await Promise.all(
    range(10).map((id) =>
      writer.write(async (db) => {
        await sql`insert into notes (id, text) values (${id}, 'x')`.execute(db);
        const { rows } = await sql<{ count: number }>`select count(*) as count from notes`.execute(db);
        return rows[0]?.count;
      }),
    ),
  );
  expect(counts).toEqual(range(10).map((id) => id + 1));
});

it('each runs in the context of whoever asked for it', async () => {
  const requests = new AsyncLocalStorage<number>();
  const seen = await Promise.all(
    range(10).map((id) => requests.run(id, () => writer.write(() => Promise.resolve(requests.getStore())))),
  );
  expect(seen).toEqual(range(10));
});

it('a long one does not make others wait for a group without end', async () => {
  const before = writer.version();
  const slow = writer.write(() => new Promise((done) => setTimeout(done, 30)));
  await Promise.all([slow, ...range(5).map((id) => note(id))]);
  expect(writer.version() - before).toBeGreaterThan(1);
});

it('when there is no room, exactly what was acknowledged is there', async () => {
  const pages = connection.pragma('page_count', { simple: true }) as number;
  connection.pragma(`max_page_count = ${pages + 20}`);
  const outcomes = await Promise.allSettled(range(60).map((id) => note(id, 'x'.repeat(4_000))));
  const kept = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'InsufficientStorage' });
  }
  expect(kept.length).toBeLessThan(60);
  expect(notes()).toEqual(kept);
  connection.pragma(`max_page_count = ${pages + 2_000}`);
  expect(await note(1_000)).toBe(1_000);
});
