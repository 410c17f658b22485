import { file, type RepoPath } from '../../test/support/hub-api.ts';
import type { BenchCase } from '../bench-case.ts';
import { exponentOf, inParallel, medianSeconds } from '../measure.ts';
import { timeRow } from '../row.ts';

const PIPELINES = ['text-generation', 'fill-mask', 'translation', 'summarization'];
const AT_ONCE = 8;

const cardOf = (index: number): string =>
  [
    '---',
    `license: ${index % 3 === 0 ? 'mit' : 'apache-2.0'}`,
    `pipeline_tag: ${PIPELINES[index % PIPELINES.length] ?? ''}`,
    `tags: [bench, group-${index % 100}]`,
    '---',
    '',
  ].join('\n');

/** The first page of lists, among more and more repositories, as clients ask for it. */
const QUERIES = [
  'pipeline_tag=text-generation&sort=likes&limit=30',
  'filter=bench&filter=license:mit&sort=downloads&limit=30',
  'filter=group-7&sort=lastModified&limit=30',
  'search=MODEL-77&filter=bench&sort=createdAt&limit=30',
];

export const lists: BenchCase = {
  name: 'lists',
  async run({ hub, isQuick }) {
    const sizes = isQuick ? [250, 500, 1_000] : [2_500, 5_000, 10_000];
    const points: { size: number; cost: number }[] = [];
    let made = 0;
    for (const size of sizes) {
      await inParallel(size - made, AT_ONCE, async (offset) => {
        const index = made + offset;
        const repo: RepoPath = `models/ada/model-${index}`;
        await hub.api.createRepo(repo);
        await hub.api.commit(repo, [file('README.md', cardOf(index))]);
      });
      made = size;
      await untilDerived(size);
      let slowest = 0;
      for (const query of QUERIES) {
        const seconds = await medianSeconds(isQuick ? 5 : 15, async () => {
          const answer = await hub.api.call(`/api/models?${query}`);
          const items = (await answer.json()) as readonly unknown[];
          if (items.length === 0) throw new Error(`Nothing is listed for ${query}.`);
        });
        slowest = Math.max(slowest, seconds);
      }
      points.push({ size, cost: slowest });
    }
    const aim = { most: 20, unit: 'ms' } as const;
    const name = `list filtered and sorted among ${sizes.at(-1)?.toLocaleString('en-US') ?? ''} repos`;
    const note = 'slowest of four questions';
    return [timeRow(name, points.at(-1)?.cost ?? NaN, aim, { exponent: exponentOf(points), note })];

    /** What is not derived yet is missing from filtered lists. */
    async function untilDerived(size: number): Promise<void> {
      for (;;) {
        let count = 0;
        let path: string | undefined = '/api/models?filter=bench&expand=likes';
        while (path !== undefined) {
          const page: Response = await hub.api.call(path);
          count += ((await page.json()) as readonly unknown[]).length;
          path = /<([^>]+)>/.exec(page.headers.get('link') ?? '')?.[1]?.slice(hub.url.length);
        }
        if (count >= size) return;
      }
    }
  },
};
