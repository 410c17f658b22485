import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from '../../test/support/program.ts';
import { median, memoryOf } from '../measure.ts';
import { timeRow, type Row } from '../row.ts';

const SETTLE_MS = 5_000;

/** From the start of the program to its first line that it is ready, and what it holds when nobody asks anything. */
export async function measureStart(rounds: number): Promise<readonly Row[]> {
  const [seconds, idle]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const folder = await mkdtemp(join(tmpdir(), 'atoll-bench-'));
    const started = performance.now();
    const program = await startProgram(['--port', '0', '--data-dir', join(folder, 'data')]);
    seconds.push((performance.now() - started) / 1000);
    await sleep(SETTLE_MS);
    idle.push(memoryOf(program.pid).now);
    await program.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  }
  return [
    timeRow('start to ready, empty', median(seconds), { most: 1, unit: 's' }),
    memoryRow('idle memory of the hub', median(idle), 130),
  ];
}

export const memoryRow = (name: string, megabytes: number, most: number): Row => ({
  name,
  aim: `${most} MB`,
  value: megabytes,
  unit: 'MB',
  isMet: megabytes <= most,
});
