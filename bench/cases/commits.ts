import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { file, type CommitOperation, type RepoPath } from '../../test/support/hub-api.ts';
import type { BenchCase } from '../bench-case.ts';
import { exponentOf, inParallel, median, medianSeconds, memoryOf, secondsOf } from '../measure.ts';
import { timeRow, type Row } from '../row.ts';

const FILE_BYTES = 2048;
const FOLDER = 1000;

const pathOf = (index: number): string =>
  `d${String(Math.floor(index / FOLDER)).padStart(4, '0')}/f${String(index % FOLDER).padStart(4, '0')}.txt`;

const filesFrom = (start: number, count: number): readonly CommitOperation[] =>
  Array.from({ length: count }, (_, index) =>
    file(pathOf(start + index), randomBytes(FILE_BYTES / 2).toString('hex')),
  );

/** The same files by `git fast-import` into a new repository, synced. */
async function fastImport(scratch: string, operations: readonly CommitOperation[]): Promise<number> {
  const folder = join(scratch, `import-${Math.random()}`);
  await endOf(spawn('git', ['init', '--quiet', '--bare', folder]));
  const pieces = [Buffer.from('commit refs/heads/main\ncommitter a <a@b> 0 +0000\ndata 1\nx\n')];
  for (const { value } of operations) {
    const content = Buffer.from(String(value['content']), 'base64');
    const head = `M 100644 inline ${String(value['path'])}\ndata ${content.length}\n`;
    pieces.push(Buffer.from(head), content, Buffer.from('\n'));
  }
  const stream = Buffer.concat(pieces);
  return secondsOf(async () => {
    const flags = ['-c', 'core.fsync=all', '--git-dir', folder, 'fast-import', '--quiet'];
    const child = spawn('git', flags, { stdio: ['pipe', 'inherit', 'inherit'] });
    child.stdin.end(stream);
    await endOf(child);
  });
}

async function endOf(child: ReturnType<typeof spawn>): Promise<void> {
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`git ended with ${String(code)}.`);
}

/** Many small files in one call. */
export const manyFiles: BenchCase = {
  name: 'many-files',
  async run({ hub, isQuick }) {
    const sizes = isQuick ? [1_000, 10_000] : [2_500, 5_000, 10_000];
    const points: { size: number; cost: number }[] = [];
    let native = NaN;
    for (const size of sizes) {
      const rounds = isQuick ? 1 : 3;
      const [ours, theirs]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        const repo: RepoPath = `models/ada/many-${size}-${round}`;
        const operations = filesFrom(0, size);
        await hub.api.createRepo(repo);
        ours.push(await secondsOf(() => hub.api.commit(repo, operations)));
        theirs.push(await fastImport(hub.scratch, operations));
      }
      points.push({ size, cost: median(ours) });
      native = median(theirs);
    }
    const cost = points.at(-1)?.cost ?? NaN;
    const yardstick = { name: 'git fast-import', seconds: native };
    return [
      timeRow(
        'commit of 10,000 files of 2 KB',
        cost,
        { most: 1.3, unit: 's' },
        {
          yardstick,
          exponent: exponentOf(points),
        },
      ),
    ];
  },
};

/** One file into repositories of growing size. */
export const oneFile: BenchCase = {
  name: 'one-file',
  async run({ hub, isQuick, isLarge }) {
    const { api, pid } = hub;
    const aims = new Map([
      [1_000, 30],
      [100_000, 50],
      [1_000_000, 100],
    ]);
    const sizes = isQuick
      ? [1_000, 10_000]
      : isLarge
        ? [1_000, 100_000, 1_000_000]
        : [1_000, 10_000, 100_000];
    const rows: Row[] = [];
    const points: { size: number; cost: number }[] = [];
    for (const size of sizes) {
      const repo: RepoPath = `models/ada/grown-${size}`;
      await api.createRepo(repo);
      const step = Math.min(size, 10_000);
      for (let at = 0; at < size; at += step) {
        const operations = Array.from({ length: step }, (_, index) =>
          file(pathOf(at + index), `${at + index}\n`),
        );
        await api.commit(repo, operations);
      }
      const before = memoryOf(pid).now;
      const cost = await medianSeconds(isQuick ? 7 : 21, (round) =>
        api.commit(repo, [file(pathOf(Math.floor((round * size) / 23)), `changed ${round}`)]),
      );
      points.push({ size, cost });
      const grown = memoryOf(pid).now - before;
      const first = await medianSeconds(5, () =>
        api.call(`/api/${repo}/tree/main?recursive=true&limit=1000`),
      );
      const shown = size.toLocaleString('en-US');
      const most = aims.get(size) ?? 50;
      rows.push(
        timeRow(
          `one-file commit, ${shown} files`,
          cost,
          { most, unit: 'ms' },
          {
            note: `memory ${grown >= 0 ? '+' : ''}${grown.toFixed(0)} MB`,
            ...(size === sizes.at(-1) ? { exponent: exponentOf(points) } : {}),
          },
        ),
      );
      rows.push(timeRow(`first tree page, ${shown} files`, first, { most: 100, unit: 'ms' }));
    }
    return rows;
  },
};

const WRITERS = 16;

/** How many commits a second the hub takes. */
export const commitRates: BenchCase = {
  name: 'commit-rates',
  async run({ hub, isQuick }) {
    const { api } = hub;
    const count = isQuick ? 200 : 1000;
    const repos = Array.from({ length: 50 }, (_, index): RepoPath => `models/ada/rate-${index}`);
    for (const repo of repos) await api.createRepo(repo);
    const rate = async (label: string, repoOf: (index: number) => RepoPath): Promise<number> => {
      const commit = (index: number) =>
        api.commit(repoOf(index), [file(`${label}/${index}.txt`, `${index}`)]);
      return count / (await secondsOf(() => inParallel(count, WRITERS, commit)));
    };
    const row = (name: string, perSecond: number, least: number): Row => ({
      name,
      aim: `${least} /s`,
      value: perSecond,
      unit: '/s',
      isMet: perSecond >= least,
    });
    const one = repos[0] as RepoPath;
    return [
      row(
        'commits over 50 repositories',
        await rate('spread', (index) => repos[index % 50] as RepoPath),
        200,
      ),
      row('commits over one branch', await rate('one', () => one), 100),
    ];
  },
};
