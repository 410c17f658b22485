import { file, type RepoPath } from '../../test/support/hub-api.ts';
import type { BenchCase } from '../bench-case.ts';
import type { BenchHub } from '../hub.ts';
import { exponentOf, medianSeconds } from '../measure.ts';
import { timeRow } from '../row.ts';

/** Follow the pages of a listing to its end. */
async function readAll({ api, url }: BenchHub, first: string): Promise<number> {
  let count = 0;
  for (let next: string | undefined = first; next !== undefined;) {
    const response: Response = await api.call(next);
    count += ((await response.json()) as readonly unknown[]).length;
    const link: string | undefined = /<([^>]+)>; *rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    next = link?.startsWith(url) === true ? link.slice(url.length) : link;
  }
  return count;
}

/** The recursive tree of a repository, all pages, plain and with the last commit of every file. */
export const listings: BenchCase = {
  name: 'listings',
  async run(context) {
    const { hub, isQuick } = context;
    const sizes = isQuick ? [1_000, 10_000] : [2_500, 5_000, 10_000];
    const [plain, expanded]: [{ size: number; cost: number }[], { size: number; cost: number }[]] = [[], []];
    for (const size of sizes) {
      const repo: RepoPath = `models/ada/tree-${size}`;
      await hub.api.createRepo(repo);
      const operations = Array.from({ length: size }, (_, index) =>
        file(`d${Math.floor(index / 500)}/f${index}.txt`, `${index}\n`),
      );
      await hub.api.commit(repo, operations);
      for (const [points, query] of [
        [plain, ''],
        [expanded, '&expand=true'],
      ] as const) {
        const read = async (): Promise<void> => {
          const count = await readAll(hub, `/api/${repo}/tree/main?recursive=true${query}`);
          if (count < size) throw new Error(`The tree has ${count} entries.`);
        };
        await read();
        points.push({ size, cost: await medianSeconds(isQuick ? 3 : 7, read) });
      }
    }
    const row = (name: string, points: readonly { size: number; cost: number }[], most: number) =>
      timeRow(name, points.at(-1)?.cost ?? NaN, { most, unit: 'ms' }, { exponent: exponentOf(points) });
    return [
      row('recursive tree of 10,000 files, all pages', plain, 200),
      row('the same with expand', expanded, 400),
    ];
  },
};
