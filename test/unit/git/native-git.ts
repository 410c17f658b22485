import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** True when git is installed; without it, the tests that compare with it are skipped. */
export const hasNativeGit = spawnSync('git', ['--version']).status === 0;

export interface NativeGit {
  readonly folder: string;
  /** Standard output; throws with standard error when git fails. */
  run(args: readonly string[], options?: { readonly input?: Buffer | string; readonly cwd?: string }): Buffer;
  /** The same as text without the last newline. */
  text(
    args: readonly string[],
    options?: { readonly input?: Buffer | string; readonly cwd?: string },
  ): string;
}

/** Run git with nothing of the machine's own configuration. */
export function runGit(cwd: string, args: readonly string[], input: Buffer | string = ''): Buffer {
  const { status, stdout, stderr } = spawnSync('git', args, {
    cwd,
    input,
    maxBuffer: 1024 * 1024 * 1024,
    env: {
      PATH: process.env['PATH'],
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.org',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.org',
    },
  });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr.toString()}`);
  return stdout;
}

/** A bare repository of native git for the tests of one file. */
export function useNativeGit(): NativeGit {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'atoll-git-'));
    runGit(folder, ['init', '--quiet', '--bare', '--initial-branch=main', '.']);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const run: NativeGit['run'] = (args, options = {}) => runGit(options.cwd ?? folder, args, options.input);
  return {
    get folder() {
      return folder;
    },
    run,
    text: (args, options) => run(args, options).toString().replace(/\n$/, ''),
  };
}
