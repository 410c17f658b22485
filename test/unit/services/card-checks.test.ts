import { describe, expect, it } from 'vitest';
import { createCardChecks } from '../../../server/services/card-checks.ts';
import type { WorkerPool } from '../../../server/workers/pool.ts';

/** A pool that keeps its calls until they are let go, one by one. */
function heldPool(): { readonly pool: Pick<WorkerPool, 'run'>; readonly tasks: string[]; release(): void } {
  const tasks: string[] = [];
  const held: (() => void)[] = [];
  const run = (task: string): Promise<unknown> => {
    tasks.push(task);
    return new Promise((resolve) => held.push(() => resolve({ data: {}, errors: [], warnings: [] })));
  };
  return { pool: { run: run as unknown as WorkerPool['run'] }, tasks, release: () => held.shift()?.() };
}

const long = (megabytes: number): string => `---\n${'key: a long value\n'.repeat(58_000 * megabytes)}---\n`;

describe('checks of cards', () => {
  it('those of commits do not wait in the line of those that anybody sends', async () => {
    const [own, open] = [heldPool(), heldPool()];
    const cards = createCardChecks({ workers: own.pool, openWorkers: open.pool });
    const strangers = [cards.validate(long(1), 'model'), cards.validate(long(1), undefined)];
    const commit = cards.requireReadable(Buffer.from(long(1)));
    expect([own.tasks, open.tasks]).toEqual([['readCard'], ['validateCard', 'validateCard']]);
    own.release();
    await commit;
    open.release();
    open.release();
    await Promise.all(strangers);
  });

  it('are refused for a while when very long ones wait, and made again when those are through', async () => {
    const open = heldPool();
    const cards = createCardChecks({ workers: heldPool().pool, openWorkers: open.pool });
    // A single one is always taken, however long.
    const first = cards.validate(long(30), 'model');
    await expect(cards.validate(long(1), 'model')).rejects.toMatchObject({
      code: 'TooManyRequests',
      details: { retryAfterSeconds: 10 },
    });
    expect(await cards.validate('---\nlicense: mit\n---\n', 'model')).toMatchObject({ errors: [] });
    open.release();
    await first;
    const next = cards.validate(long(1), 'model');
    open.release();
    expect(await next).toMatchObject({ errors: [] });
  });
});
