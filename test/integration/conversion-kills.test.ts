import { beforeAll, expect, test } from 'vitest';
import type { FailPoint } from '../../server/platform/fail-points.ts';
import { openDoor } from '../support/hub.ts';
import { useKilledHub } from '../support/killed-hub.ts';
import {
  DESCRIPTION,
  createRepo,
  lfsLine,
  repoClient,
  sha256Of,
  type RepoClient,
} from '../support/scenario.ts';
import { sample } from '../unit/xet/builders.ts';

/* The program is killed at every step in which a large file that came by LFS gets its Xet form. */

const MIB = 1024 * 1024;

const { start, startInVain, end, ask, problems } = useKilledHub('conversion-kills');

beforeAll(async () => {
  await ask(['apply', '-'], JSON.stringify(DESCRIPTION));
});

/** Both ways of reading a large file: its address in the repository, and the one that LFS gives. */
async function expectWhole(repo: RepoClient, path: string, bytes: Buffer, url: string): Promise<void> {
  expect(sha256Of((await repo.resolve('main', path)).body)).toBe(sha256Of(bytes));
  const { actions } = await repo.batchOne('download', bytes);
  const download = actions?.['download'];
  const answer = await fetch(download?.href ?? '', { headers: download?.header ?? {} });
  expect(answer.status).toBe(200);
  expect(download?.href.startsWith(url)).toBe(true);
  expect(sha256Of(Buffer.from(await answer.arrayBuffer()))).toBe(sha256Of(bytes));
}

async function isConverted(repo: RepoClient, path: string): Promise<boolean> {
  const answer = await repo.api('POST', 'paths-info/main', { body: { paths: [path] } });
  return answer.json<readonly { readonly xetHash?: string }[]>()[0]?.xetHash !== undefined;
}

const POINTS = [
  'conversion-planned',
  'xorb-stored',
  'xorb-indexed',
  'xorb-kept',
  'conversion-stored',
  'conversion-keeping',
  'conversion-kept',
] as const satisfies readonly FailPoint[];

test.each(POINTS.map((point, index) => [index, point] as const))(
  '%i: a kill at %s loses nothing',
  async (index, point) => {
    const base = sample(100 + index, 2 * MIB);
    const edited = Buffer.concat([
      base.subarray(0, MIB),
      sample(200 + index, 20_000),
      base.subarray(MIB + 20_000),
    ]);
    const files = { 'base.bin': base, 'edited.bin': edited };
    const name = `owner/at-${point}`;
    let { url } = await start(undefined, ['--no-uploads-convert-to-xet']);
    let repo = await createRepo(openDoor(url), name);
    for (const [path, bytes] of Object.entries(files)) {
      await repo.uploadLfs(bytes);
      await repo.commit([lfsLine(path, bytes)]);
    }
    expect((await end('SIGTERM')).code).toBe(0);

    // It begins with what nobody looked at, so that this start ends at the planted kill.
    expect((await startInVain(`${point}:1:crash`)).code).toBe(null);
    expect(await problems()).toEqual([]);

    ({ url } = await start());
    repo = repoClient(openDoor(url), name);
    for (const [path, bytes] of Object.entries(files)) await expectWhole(repo, path, bytes, url);
    for (const path of Object.keys(files))
      await expect.poll(() => isConverted(repo, path), { timeout: 15_000, interval: 50 }).toBe(true);
    for (const [path, bytes] of Object.entries(files)) await expectWhole(repo, path, bytes, url);
    expect((await end('SIGTERM')).code).toBe(0);
  },
);

test('nothing is wrong after all kills', async () => {
  expect(await problems()).toEqual([]);
});
