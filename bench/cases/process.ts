import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHubApi, type RepoPath } from '../../test/support/hub-api.ts';
import { runAtoll, startProgram } from '../../test/support/program.ts';
import { exponentOf, inParallel, median, memoryOf } from '../measure.ts';
import { timeRow, type Row } from '../row.ts';

const SETTLE_MS = 5_000;
const PEOPLE = JSON.stringify({ users: [{ name: 'ada', tokens: [{ name: 'bench', role: 'write' }] }] });

/** Largest time from the start to ready, in seconds, by how many repositories there are. */
const AIMS = [
  [0, 1],
  [1_000, 1.5],
  [10_000, 3],
] as const;

/**
 * From the start of the program to its first line that it is ready, with no repository and with many, and what it holds
 * when nobody asks anything.
 */
export async function measureStart({ isQuick }: { readonly isQuick: boolean }): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-bench-'));
  const flags = ['--port', '0', '--data-dir', join(folder, 'data'), '--log-level', 'warn'];
  const rounds = isQuick ? 2 : 5;
  const rows: Row[] = [];
  const points: { size: number; cost: number }[] = [];
  let held = 0;
  try {
    const applied = await runAtoll(['apply', '-', '--json', '--data-dir', join(folder, 'data')], {
      input: PEOPLE,
    });
    const { secrets } = JSON.parse(applied.stdout) as {
      readonly secrets: readonly { readonly secret: string }[];
    };
    for (const [repositories, most] of isQuick ? AIMS.slice(0, 2) : AIMS) {
      await fill(flags, secrets[0]?.secret ?? '', held, repositories);
      held = repositories;
      const [seconds, idle]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        const started = performance.now();
        const program = await startProgram(flags);
        seconds.push((performance.now() - started) / 1000);
        if (repositories === 0) {
          await sleep(SETTLE_MS);
          idle.push(memoryOf(program.pid).now);
        }
        await program.end('SIGTERM');
      }
      const name = `start to ready, ${repositories === 0 ? 'empty' : `${repositories.toLocaleString('en-US')} repositories`}`;
      points.push({ size: Math.max(repositories, 1), cost: median(seconds) });
      const isLast = points.length === AIMS.length;
      rows.push(
        timeRow(name, median(seconds), { most, unit: 's' }, isLast ? { exponent: exponentOf(points) } : {}),
      );
      if (repositories === 0) rows.push(memoryRow('idle memory of the hub', median(idle), 130));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return rows;
}

/** Make repositories until there are so many. */
async function fill(flags: readonly string[], token: string, from: number, to: number): Promise<void> {
  if (from >= to) return;
  const program = await startProgram(flags);
  const api = createHubApi({ url: program.url, token });
  const create = (index: number) => api.createRepo(`models/ada/start-${from + index}` satisfies RepoPath);
  await inParallel(to - from, 16, create);
  await program.end('SIGTERM');
}

export const memoryRow = (name: string, megabytes: number, most: number): Row => ({
  name,
  aim: `${most} MB`,
  value: megabytes,
  unit: 'MB',
  isMet: megabytes <= most,
});
