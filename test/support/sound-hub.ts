import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import git from 'isomorphic-git';
import { expect } from 'vitest';
import type { HubProgram } from './hub-program.ts';
import { findTool } from './tools.ts';

interface ListedRepo {
  readonly kind: 'model' | 'dataset' | 'space' | 'kernel';
  readonly name: string;
}

const AT_ONCE = 2;

/**
 * What must hold after whatever clients did: native git accepts the export of every repository,
 * isomorphic-git reads each, doctor has nothing to say, and the hub logged no error. Answers how many
 * repositories there are. Without native git the rest is checked all the same, unless everything is required.
 */
export async function expectSoundHub(hub: HubProgram): Promise<number> {
  const repos = (await hub.ask('repo', 'list')) as readonly ListedRepo[];
  const queue = [...repos.entries()];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [index, { kind, name }] = next;
      const folder = join(hub.scratch, `export-${index}`);
      await hub.command('repo export', { kind, name, folder });
      await expectSoundRepository(folder, name);
      await fs.promises.rm(folder, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  expect(await hub.ask('doctor', '--full')).toMatchObject({ problems: [] });
  expect(hub.loggedErrors()).toEqual([]);
  return repos.length;
}

async function expectSoundRepository(gitdir: string, name: string): Promise<void> {
  const native = findTool('git');
  if (native === undefined && process.env['ATOLL_TEST_REQUIRE'] === 'all') throw new Error('git not found');
  if (native !== undefined) {
    // Commits of branches that were deleted are kept, so dangling ones are no fault.
    const args = ['--git-dir', gitdir, 'fsck', '--strict', '--full', '--no-dangling', '--no-progress'];
    const { stdout, stderr } = await promisify(execFile)(native, args);
    expect({ name, stdout, stderr }).toEqual({ name, stdout: '', stderr: '' });
  }
  const branches = await git.listBranches({ fs, gitdir });
  expect(branches, name).toContain('main');
  for (const ref of branches) {
    const log = await git.log({ fs, gitdir, ref });
    expect(log.at(-1)?.commit.parent, name).toEqual([]);
    await git.listFiles({ fs, gitdir, ref });
  }
}
