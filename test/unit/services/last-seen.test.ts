import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLog, silentLog } from '../../../server/platform/log.ts';
import { createLastSeen } from '../../../server/services/last-seen.ts';

describe('times of last use', () => {
  it('are gathered, the last of each key, and written together after a while', async () => {
    const written: [string, number][][] = [];
    const lastSeen = createLastSeen<string>({
      delayMs: 10,
      log: silentLog,
      write: (uses) => Promise.resolve(void written.push([...uses])),
    });
    lastSeen.note('a', 1);
    lastSeen.note('b', 2);
    lastSeen.note('a', 3);
    expect(written).toEqual([]);
    await sleep(30);
    expect(written).toEqual([
      [
        ['a', 3],
        ['b', 2],
      ],
    ]);
    await lastSeen.flush();
    expect(written).toHaveLength(1);
  });

  it('are all written when a flush ends, also what the timer began to write', async () => {
    const gate = Promise.withResolvers<undefined>();
    let done = 0;
    const lastSeen = createLastSeen<string>({
      delayMs: 1,
      log: silentLog,
      write: async () => {
        await gate.promise;
        done += 1;
      },
    });
    lastSeen.note('a', 1);
    await sleep(10);
    const flushed = lastSeen.flush();
    gate.resolve(undefined);
    await flushed;
    expect(done).toBe(1);
  });

  it('are a warning in the log when they cannot be written', async () => {
    const lines: string[] = [];
    const lastSeen = createLastSeen<string>({
      delayMs: 1_000,
      log: createLog({ level: 'warn', format: 'json', write: (line) => lines.push(line) }),
      write: () => Promise.reject(new Error('disk full')),
    });
    lastSeen.note('a', 1);
    await lastSeen.flush();
    expect(lines.join()).toContain('disk full');
  });
});
