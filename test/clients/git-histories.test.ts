import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { git } from '../support/git-client.ts';
import { remoteOf } from '../support/git-remote.ts';
import { createHubApi, type HubApi } from '../support/hub-api.ts';
import { startHubProgram, type HubProgram } from '../support/hub-program.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

/*
 * Histories that are large in one way or another, pushed and cloned by real git: what comes back is what was sent, and
 * the API says the same of it.
 */

let hub: HubProgram;
let api: HubApi;
beforeAll(async () => {
  hub = await startHubProgram();
  api = createHubApi({ url: hub.url, token: hub.tokens.ada });
});
afterAll(async () => {
  await expectSoundHub(hub);
  await hub[Symbol.asyncDispose]();
});

/** Write a stream for `git fast-import`, piece by piece. */
async function fastImport(program: string, folder: string, pieces: Iterable<string>): Promise<void> {
  const child = spawn(program, ['fast-import', '--quiet'], {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  for (const piece of pieces) if (!child.stdin.write(piece)) await once(child.stdin, 'drain');
  child.stdin.end();
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(0);
}

const commitHead = (mark: number, time: number, more = ''): string =>
  `commit refs/heads/main\nmark :${mark}\ncommitter A U Thor <author@example.com> ${time} +0100\ndata ${String(mark).length}\n${mark}\n${more}`;
const fileLine = (path: string, content: string): string =>
  `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n${content}\n`;

function* tenThousandCommits(): Generator<string> {
  for (let mark = 1; mark <= 10_000; mark++) {
    // Every hundredth commit is a merge of the one fifty before.
    const parents = mark === 1 ? '' : `from :${mark - 1}\n${mark % 100 === 0 ? `merge :${mark - 50}\n` : ''}`;
    yield commitHead(mark, 1_600_000_000 + mark, parents) + fileLine(`f${mark % 50}.txt`, `${mark}\n`);
  }
}

function* oneHundredThousandFiles(): Generator<string> {
  yield commitHead(1, 1_600_000_000);
  for (let index = 0; index < 100_000; index++) {
    yield fileLine(`d${index % 100}/${index}.json`, `{"index": ${index}}\n`);
  }
}

function* largeTexts(): Generator<string> {
  const lines = (version: number): string =>
    Array.from(
      { length: 100_000 },
      (_, at) => `line ${at} of version ${at % 5000 === version ? version : 0} of this text`,
    ).join('\n');
  for (let mark = 1; mark <= 4; mark++) {
    yield (
      commitHead(mark, 1_600_000_000 + mark, mark === 1 ? '' : `from :${mark - 1}\n`) +
      fileLine('large.txt', lines(mark))
    );
  }
}

describeWithTools('large histories', ['git'], ({ git: program }) => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(hub.scratch, 'histories-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function roundTrip(
    name: string,
    pieces: Iterable<string>,
  ): Promise<{ source: string; copy: string; head: string }> {
    const source = join(folder, name);
    const copy = join(folder, `${name}.git`);
    await git(folder, ['init', '--quiet', '--bare', '--initial-branch=main', source]);
    await fastImport(program, source, pieces);
    await api.createRepo(`models/ada/${name}`);
    const remote = remoteOf(hub, hub.tokens.ada, `ada/${name}`);
    await git(source, ['push', '--quiet', '--force', remote, 'main']);
    await git(folder, ['clone', '--quiet', '--bare', remote, copy]);
    await git(copy, ['fsck', '--strict', '--full']);
    const head = await git(source, ['rev-parse', 'main']);
    expect(await git(copy, ['rev-parse', 'main'])).toBe(head);
    const info = (await (await api.call(`/api/models/ada/${name}`)).json()) as { readonly sha: string };
    expect(info.sha).toBe(head);
    return { source, copy, head };
  }

  test('10,000 commits with merges', { timeout: 300_000 }, async () => {
    const { source, copy } = await roundTrip('many-commits', tenThousandCommits());
    const count = ['rev-list', '--count', 'main'];
    expect(await git(copy, count)).toBe(await git(source, count));
    const answer = await api.call('/api/models/ada/many-commits/commits/main?limit=50');
    const shown = (await answer.json()) as readonly { readonly id: string }[];
    const logged = await git(source, ['log', '--format=%H', '-50', 'main']);
    expect(shown.map(({ id }) => id)).toEqual(logged.split('\n'));
    const shallow = join(folder, 'shallow.git');
    await git(folder, [
      'clone',
      '--quiet',
      '--bare',
      '--depth=10',
      remoteOf(hub, hub.tokens.ada, 'ada/many-commits'),
      shallow,
    ]);
    expect(Number(await git(shallow, count))).toBeLessThan(40);
    await git(shallow, ['fetch', '--quiet', '--unshallow']);
    expect(await git(shallow, count)).toBe(await git(source, count));
  });

  test('100,000 files in one commit', { timeout: 300_000 }, async () => {
    const { copy } = await roundTrip('many-files', oneHundredThousandFiles());
    const list = await git(copy, ['ls-tree', '-r', '--name-only', 'main']);
    expect(list.split('\n')).toHaveLength(100_000);
    const sparse = join(folder, 'sparse.git');
    await git(folder, [
      'clone',
      '--quiet',
      '--bare',
      '--filter=blob:none',
      remoteOf(hub, hub.tokens.ada, 'ada/many-files'),
      sparse,
    ]);
    expect(await git(sparse, ['show', 'main:d7/7.json'])).toBe('{"index": 7}');
    const tree = await api.call('/api/models/ada/many-files/tree/main/d7?limit=1000');
    expect(await tree.json()).toHaveLength(1000);
  });

  test('versions of a text of 5 MB', { timeout: 300_000 }, async () => {
    const { source, copy, head } = await roundTrip('large-texts', largeTexts());
    const show = ['rev-parse', `${head}:large.txt`];
    expect(await git(copy, show)).toBe(await git(source, show));
    const file = await api.call('/ada/large-texts/resolve/main/large.txt');
    expect((await file.arrayBuffer()).byteLength).toBe(
      Number(await git(source, ['cat-file', '-s', `${head}:large.txt`])),
    );
  });
});
