import { describe, expect, test } from 'vitest';
import type { NamespaceId, RepositoryId } from '../../server/domain/ids.ts';
import { NOW, type Fixture } from './database.suite.ts';

const LEASE = 30_000;

export function workSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('jobs', () => {
    const enqueue = (kind: string, key: string, payload = '', runAt = NOW) =>
      change((stores) => stores.jobs.enqueue({ kind, key, payload, runAt }, NOW));
    const claim = (now = NOW) => change((stores) => stores.jobs.claim(now, LEASE));
    const counts = () => ask((stores) => stores.jobs.counts());

    test('a job waits once per kind and key', async () => {
      await enqueue('roll', '1', 'first');
      await enqueue('roll', '1', 'second');
      await enqueue('roll', '2');
      await enqueue('sweep', '1');
      expect(await counts()).toEqual({ waiting: 3, running: 0 });
      expect(await claim()).toMatchObject({ kind: 'roll', key: '1', payload: 'first', attempts: 1 });
      expect(await counts()).toEqual({ waiting: 2, running: 1 });
    });

    test('jobs are claimed when due, the earliest first', async () => {
      await enqueue('later', 'x', '', NOW + 100);
      await enqueue('second', 'x', '', NOW + 2);
      await enqueue('first', 'x', '', NOW + 1);
      expect(await claim(NOW)).toBeUndefined();
      expect(await claim(NOW + 50)).toMatchObject({ kind: 'first' });
      expect(await claim(NOW + 50)).toMatchObject({ kind: 'second' });
      expect(await claim(NOW + 50)).toBeUndefined();
    });

    test('many claimers at once never get the same job', async () => {
      for (let index = 0; index < 20; index++) await enqueue('roll', String(index));
      const claimed = await Promise.all(Array.from({ length: 30 }, () => claim()));
      const ids = claimed.flatMap((job) => (job ? [job.id] : []));
      expect(new Set(ids).size).toBe(20);
      expect(ids).toHaveLength(20);
    });

    test('a job whose lease ran out is due again', async () => {
      await enqueue('roll', '1');
      const first = await claim();
      expect(await claim(NOW + LEASE - 1)).toBeUndefined();
      expect(await claim(NOW + LEASE)).toEqual({ ...first, attempts: 2 });
    });

    test('a job that is released is due again at once, beside none of its kind', async () => {
      await enqueue('roll', '1', 'first');
      const first = await claim();
      await enqueue('roll', '1', 'second');
      await change((stores) => stores.jobs.releaseAll(NOW));
      expect(await claim()).toEqual({ ...first, attempts: 2 });
      expect(await claim()).toBeUndefined();
    });

    test('a finished job is gone', async () => {
      await enqueue('roll', '1');
      const job = await claim();
      await change((stores) => stores.jobs.finish(job?.id ?? 0));
      expect(await counts()).toEqual({ waiting: 0, running: 0 });
      expect(await claim(NOW + LEASE)).toBeUndefined();
    });

    test('work enqueued while it runs is run once more afterwards, not beside it', async () => {
      await enqueue('roll', '1', 'first');
      const first = await claim();
      await enqueue('roll', '1', 'second');
      expect(await claim()).toBeUndefined();
      await change((stores) => stores.jobs.finish(first?.id ?? 0));
      expect(await claim()).toMatchObject({ payload: 'second' });
    });

    test('a job to try again waits until then', async () => {
      await enqueue('roll', '1');
      const job = await claim();
      await change((stores) => stores.jobs.retry(job?.id ?? 0, NOW + 500, 'disk full'));
      expect(await counts()).toEqual({ waiting: 1, running: 0 });
      expect(await claim(NOW + 499)).toBeUndefined();
      expect(await claim(NOW + 500)).toEqual({ ...job, attempts: 2 });
    });

    test('a job to try again gives way to the same work enqueued meanwhile', async () => {
      await enqueue('roll', '1', 'first');
      const job = await claim();
      await enqueue('roll', '1', 'second');
      await change((stores) => stores.jobs.retry(job?.id ?? 0, NOW + 500, 'disk full'));
      expect(await counts()).toEqual({ waiting: 1, running: 0 });
      expect(await claim()).toMatchObject({ payload: 'second' });
    });
  });

  describe('events', () => {
    test('events are listed in the order they were appended', async () => {
      const event = {
        kind: 'push',
        repositoryId: 7 as RepositoryId,
        actorId: 3 as NamespaceId,
        payload: '{"a":1}',
        at: NOW,
      };
      await change(async ({ events }) => {
        await events.append(event);
        await events.append({ ...event, repositoryId: undefined, actorId: undefined, payload: '2' });
        await events.append({ ...event, payload: '3' });
      });
      const [first, ...rest] = await ask((stores) => stores.events.list(0, 2));
      expect(first).toEqual({ id: first?.id, ...event });
      expect(rest).toMatchObject([{ payload: '2', repositoryId: undefined, actorId: undefined }]);
      expect(await ask((stores) => stores.events.list(rest[0]?.id ?? 0, 2))).toMatchObject([
        { payload: '3' },
      ]);
    });
  });

  describe('settings', () => {
    test('a default is set once, a value every time', async () => {
      expect(await ask((stores) => stores.settings.get('secret'))).toBeUndefined();
      expect(await change((stores) => stores.settings.setDefault('secret', 'one'))).toBe('one');
      expect(await change((stores) => stores.settings.setDefault('secret', 'two'))).toBe('one');
      await change((stores) => stores.settings.set('secret', 'three'));
      expect(await ask((stores) => stores.settings.get('secret'))).toBe('three');
    });
  });
}
