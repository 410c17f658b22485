import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BenchCase } from './bench-case.ts';
import { folders, xetTransfers } from './cases/clients.ts';
import { commitRates, manyFiles, oneFile } from './cases/commits.ts';
import { crowds, largeCommit } from './cases/crowds.ts';
import { gitTransfers, largePush } from './cases/git.ts';
import { largeFiles } from './cases/large-files.ts';
import { largeTransfers } from './cases/large-transfers.ts';
import { listings } from './cases/listings.ts';
import { lists } from './cases/lists.ts';
import { measureStart, memoryRow } from './cases/process.ts';
import { smallReads } from './cases/small-reads.ts';
import { endChild, forkChild, startServerChild } from './child-process.ts';
import { startBenchHub } from './hub.ts';
import { memoryOf } from './measure.ts';
import { writeDocument, writeTable } from './report.ts';
import type { Row } from './row.ts';

/*
 * `npm run bench`: measures the started program against the aims, each beside a yardstick in the same run. Prints a
 * table, writes `bench/results.json`, and with `--write` also `docs/performance.md`.
 */

const CASES: readonly BenchCase[] = [
  ...[smallReads, largeTransfers, manyFiles, largeFiles, listings, lists, oneFile, commitRates],
  ...[folders, xetTransfers, crowds, largeCommit, gitTransfers, largePush],
];
const START = 'start';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
  },
});

const isWanted = (name: string): boolean => options.only?.includes(name) ?? true;

function say(rows: readonly Row[]): void {
  for (const row of rows) {
    const beside = row.ratio === undefined ? '' : `, ${row.ratio.toFixed(2)} of ${row.yardstick?.name ?? ''}`;
    process.stdout.write(`  ${row.name}: ${row.value.toPrecision(3)} ${row.unit}${beside}\n`);
  }
}

async function measureCases(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  await using hub = await startBenchHub();
  const file = join(hub.scratch, 'synced');
  const idle = await startServerChild({ kind: 'idle', headers: {}, body: '', file });
  const ping = forkChild('ping', { idle: { port: idle.port, pid: idle.pid } });
  /** Of each case in MB: what the hub had at its end, and by how much the most it ever had went up. */
  const memory: Record<string, { readonly now: number; readonly more: number }> = {};
  let most = memoryOf(hub.pid).most;
  try {
    for (const bench of CASES.filter(({ name }) => isWanted(name))) {
      process.stdout.write(`${bench.name}\n`);
      await using fresh = bench.isOnFreshHub ? await startBenchHub() : undefined;
      const { port, pid } = fresh ?? hub;
      ping.send({ during: bench.name, hub: { port, pid } });
      const context = { hub: fresh ?? hub, isQuick: options.quick, isLarge: options.large };
      const measured = await bench.run(context);
      say(measured);
      rows.push(...measured);
      if (fresh) continue;
      const held = memoryOf(hub.pid);
      memory[bench.name] = { now: Math.round(held.now), more: Math.round(held.most - most) };
      most = held.most;
    }
    process.stdout.write(
      `memory in MB at the end of each case, and more at most: ${JSON.stringify(memory)}\n`,
    );
    const longest = await new Promise<Stalls>((done) => {
      ping.once('message', done);
      ping.send({});
    });
    const own = [
      stallRow(longest),
      { ...memoryRow('most memory of the hub during all this', most, 400), note: risesOf(memory) },
    ];
    say(own);
    return [...rows, ...own];
  } finally {
    await endChild(ping);
    await idle.end();
  }
}

/** Milliseconds that a ping took, all in all and without waiting for a processor. */
interface Stall {
  readonly seen: number;
  readonly own: number;
}

/** The longest of each case. */
type Stalls = Readonly<Record<string, { readonly hub: Stall; readonly idle: Stall }>>;

function stallRow(longest: Stalls): Row {
  const cases = Object.entries(longest).map(([name, stalls]) => ({ name, ...stalls }));
  const [worst] = cases.sort((a, b) => b.hub.own - a.hub.own);
  const seen = Math.max(...cases.map(({ hub }) => hub.seen));
  process.stdout.write(
    `stalls in ms, of the hub and of an idle process: ${JSON.stringify(longest, (_, value: unknown) =>
      typeof value === 'number' ? Math.round(value) : value,
    )}\n`,
  );
  const value = worst?.hub.own ?? NaN;
  return {
    name: 'longest stall',
    aim: '50 ms',
    value,
    unit: 'ms',
    yardstick: {
      name: 'idle process that syncs 4 KiB',
      value: Math.max(...cases.map(({ idle }) => idle.own)),
    },
    isMet: value <= 50,
    note: `in ${worst?.name ?? 'no case'}; ${seen.toFixed(0)} ms with the wait for a processor`,
  };
}

/** Where the most memory rose most, as a note. */
function risesOf(memory: Readonly<Record<string, { readonly more: number }>>): string {
  const rises = Object.entries(memory).sort(([, a], [, b]) => b.more - a.more);
  return rises
    .slice(0, 3)
    .filter(([, { more }]) => more > 0)
    .map(([name, { more }]) => `+${more} MB in ${name}`)
    .join(', ');
}

// A start that has to build the page first holds much more memory ever after than any other.
execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const rows: Row[] = [];
if (isWanted(START)) {
  process.stdout.write(`${START}\n`);
  const measured = await measureStart({ isQuick: options.quick });
  say(measured);
  rows.push(...measured);
}
if (CASES.some(({ name }) => isWanted(name))) rows.push(...(await measureCases()));

process.stdout.write(`\n${writeTable(rows)}\n`);
await writeFile(new URL('results.json', import.meta.url), `${JSON.stringify(rows, undefined, 2)}\n`);
if (options.write) {
  await writeFile(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), writeDocument(rows));
}
