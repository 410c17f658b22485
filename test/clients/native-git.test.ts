import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { createHubApi, file } from '../support/hub-api.ts';
import type { CommitOperation, HubApi } from '../support/hub-api.ts';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

const REPO = 'models/ada/shuffled';
const COMMITS = 80;

interface Entry {
  readonly type: 'file' | 'directory';
  readonly path: string;
  readonly oid: string;
  readonly size: number;
  readonly lastCommit: { readonly id: string; readonly title: string };
}

/** Numbers that look random and are the same in every run (mulberry32). */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** A history in which files and folders come, change, go and come again, and take each other's names. */
async function shuffle(api: HubApi): Promise<void> {
  const roll = createDice(20_261_125);
  const pick = <Item>(items: readonly Item[]): Item => items[roll(items.length)] as Item;
  const names = ['a', 'b', 'ä', 'with space'];
  const paths = new Set<string>();
  const foldersOf = (path: string): readonly string[] =>
    path
      .split('/')
      .map((_, index, parts) => parts.slice(0, index).join('/'))
      .slice(1);

  for (let made = 0; made < COMMITS;) {
    const operations: CommitOperation[] = [];
    const removed = new Set<string>();
    const kind = roll(12);
    if (kind === 0 && paths.size > 0) {
      const gone = pick([...paths]);
      operations.push({ key: 'deletedFile', value: { path: gone } });
      removed.add(gone);
    } else if (kind === 1) {
      const folders = [...new Set([...paths].flatMap(foldersOf))];
      if (folders.length > 0) {
        const gone = pick(folders);
        operations.push({ key: 'deletedFolder', value: { path: `${gone}/` } });
        for (const path of paths) if (path.startsWith(`${gone}/`)) removed.add(path);
      }
    }
    for (const path of removed) paths.delete(path);
    for (let count = roll(6) + (operations.length > 0 ? 0 : 1); count > 0; count--) {
      const path = Array.from({ length: 1 + roll(3) }, () => pick(names)).join('/');
      const isTaken = foldersOf(path).some((folder) => paths.has(folder));
      const isFolder = [...paths].some((one) => one.startsWith(`${path}/`));
      if (isTaken || isFolder) continue;
      operations.push(file(path, `${made} ${roll(1000)}`));
      paths.add(path);
    }
    if (operations.length === 0) continue;
    await api.commit(REPO, operations);
    made++;
  }
}

describeWithTools('what native git says of a history of 80 commits', ['git'], ({ git }) => {
  let hub: HubProgram;
  let api: HubApi;
  let gitdir: string;
  const run = async (...args: readonly string[]): Promise<string> =>
    (
      await promisify(execFile)(git, ['--git-dir', gitdir, '-c', 'core.quotePath=false', ...args])
    ).stdout.trim();
  const ask = async <Answer>(path: string): Promise<Answer> =>
    (await (await api.call(`/api/${REPO}/${path}`)).json()) as Answer;

  beforeAll(async () => {
    hub = await startHubProgram();
    api = createHubApi({ url: hub.url, token: hub.tokens.ada });
    await api.createRepo(REPO);
    await shuffle(api);
    await api.createBranch(REPO, 'side');
    await api.commit(REPO, [file('side.txt', 'only here')], 'side');
    gitdir = join(hub.scratch, 'shuffled.git');
    await hub.command('repo export', { kind: 'model', name: 'ada/shuffled', folder: gitdir });
    return () => hub[Symbol.asyncDispose]();
  });

  test('the hub lists the same commits', async () => {
    for (const branch of ['main', 'side']) {
      const listed = await ask<readonly { readonly id: string }[]>(`commits/${branch}?limit=1000`);
      expect(listed.map(({ id }) => id).join('\n')).toBe(await run('rev-list', branch));
    }
  });

  test.each(['main', 'main~13', 'main~40', 'main~66', 'side'])(
    'the hub lists the same tree at %s, and the same last commit of every file and folder',
    async (revision) => {
      const commit = await run('rev-parse', revision);
      const entries = await ask<readonly Entry[]>(`tree/${commit}?recursive=true&expand=true`);
      const listed = entries.map(
        ({ type, path, oid }) => `${type === 'file' ? 'blob' : 'tree'} ${oid}\t${path}`,
      );
      const tree = await run('ls-tree', '-r', '-t', commit);
      expect(new Set(listed)).toEqual(new Set(tree.split('\n').map((line) => line.replace(/^\d+ /, ''))));
      for (const { path, lastCommit } of entries) {
        expect(lastCommit.id, path).toBe(await run('log', '-1', '--format=%H', commit, '--', path));
      }
    },
  );

  test('the hub is sound', async () => {
    expect(await expectSoundHub(hub)).toBe(1);
  });
});
