import { expect, test } from 'vitest';
import type { Ref } from '../../../server/db/questions/refs.ts';
import type { Database } from '../../../server/db/stores.ts';
import type { Oid } from '../../../server/domain/ids.ts';
import { packet } from '../../../server/git/pkt-line.ts';
import { systemClock } from '../../../server/platform/clock.ts';
import { createKeyedQueue } from '../../../server/platform/keyed-queue.ts';
import { createRightOfWay } from '../../../server/platform/right-of-way.ts';
import type { Granted } from '../../../server/services/authorize.ts';
import { createReceivePack } from '../../../server/services/receive-pack.ts';

/* How a push goes on when refs move under it. */

const oid = (digit: string): Oid => digit.repeat(40) as Oid;
const ZERO = oid('0');

test('refs that others moved all at once are found out at once, not one for each attempt', async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `refs/tags/t${i}`);
  let refs = [...names, 'refs/tags/kept'].map((name) => ({ name, target: oid('a') }) as unknown as Ref);
  const db = {
    read: (work: (stores: unknown) => unknown) =>
      Promise.resolve(work({ refs: { list: () => Promise.resolve(refs) } })),
  } as unknown as Database;
  let attempts = 0;
  const moved: string[] = [];
  const receivePack = createReceivePack({
    db,
    queue: createKeyedQueue(),
    rightOfWay: createRightOfWay(systemClock),
    refUpdates: {
      apply({ moves }) {
        attempts += 1;
        if (attempts === 1) {
          refs = refs.map((ref) => (ref.name === 'refs/tags/kept' ? ref : { ...ref, target: oid('b') }));
        }
        const other = moves.find(
          ({ name, expected }) => refs.find((ref) => ref.name === name)?.target !== expected,
        );
        if (other) return Promise.resolve({ kind: 'moved', name: other.name });
        moved.push(...moves.map(({ name }) => name));
        return Promise.resolve({ kind: 'done' });
      },
      applyWithin: () => Promise.reject(new Error('not asked')),
    },
    ...({ repoObjects: { open: () => ({ infoMany: () => Promise.resolve(new Map()) }) } } as unknown as Pick<
      Parameters<typeof createReceivePack>[0],
      'repoObjects' | 'intake' | 'checks'
    >),
  });
  const lines = [...names, 'refs/tags/kept'].map((name, i) =>
    packet(`${oid('a')} ${ZERO} ${name}${i === 0 ? '\0report-status' : ''}`),
  );
  const granted = { repo: { id: 1, defaultBranch: 'main' }, actor: { kind: 'anonymous' } };
  const answer: Uint8Array[] = [];
  const exchange = {
    protocol: 0,
    isStateless: true,
    from: '127.0.0.1',
    input: (async function* () {
      yield Buffer.concat([...lines, Buffer.from('0000')]);
    })(),
    signal: new AbortController().signal,
  } as const;
  for await (const piece of receivePack.serve(granted as unknown as Granted<'write'>, exchange)) {
    answer.push(piece);
  }
  const text = Buffer.concat(answer).toString();
  expect(text.match(/ng refs\/tags\/t[0-9]+ fetch first/g)).toHaveLength(1000);
  expect(text).toContain('ok refs/tags/kept');
  expect(moved).toEqual(['refs/tags/kept']);
  expect(attempts).toBe(2);
});
