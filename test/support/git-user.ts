import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { git, tryGit, type GitOptions, type GitRun } from './git-client.ts';
import type { HubProgram, Person } from './hub-program.ts';

/** A person at a computer of their own: settings, stored credentials, and git-lfs set up as `git lfs install` does. */
export interface GitUser {
  readonly home: string;
  /** For programs that run beside git. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard output without the last newline. Throws with standard error when git fails. */
  git(cwd: string, ...args: readonly string[]): Promise<string>;
  try(cwd: string, args: readonly string[], options?: GitOptions): Promise<GitRun>;
  /** Clone into a new folder below home. Answers the folder. */
  clone(address: string, ...options: readonly string[]): Promise<string>;
  /** A new repository below home whose `origin` is the address. */
  init(address: string): Promise<string>;
}

/**
 * Give a person of the hub a home below its scratch folder. Credentials are those that a helper stored: the token as
 * password. `path` are folders that are looked in for programs first.
 */
export async function createGitUser(
  hub: HubProgram,
  person: Person | 'nobody',
  options: { readonly git?: string; readonly path?: readonly string[] } = {},
): Promise<GitUser> {
  users += 1;
  const home = join(hub.scratch, `home-${users}`);
  await mkdir(join(home, 'bin'), { recursive: true });
  if (options.git !== undefined) await symlink(options.git, join(home, 'bin/git'));
  const { host } = new URL(hub.url);
  const credentials = join(home, '.git-credentials');
  if (person !== 'nobody')
    await writeFile(credentials, `http://${person}:${hub.tokens[person]}@${host}\n`, { mode: 0o600 });
  await writeFile(
    join(home, '.gitconfig'),
    [
      `[user]\n\tname = ${person}\n\temail = ${person}@example.org`,
      `[init]\n\tdefaultBranch = main`,
      `[credential]\n\thelper = store`,
      `[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f`,
      `\tprocess = git-lfs filter-process\n\trequired = true`,
      '',
    ].join('\n'),
  );
  const env = {
    HOME: home,
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    PATH: [join(home, 'bin'), ...(options.path ?? []), process.env['PATH'] ?? ''].join(delimiter),
  };
  let folders = 0;
  const user: GitUser = {
    home,
    env,
    git: (cwd, ...args) => git(cwd, args, { env }),
    try: (cwd, args, more = {}) => tryGit(cwd, args, { ...more, env: { ...env, ...more.env } }),
    async clone(address, ...args) {
      const folder = join(home, `clone-${(folders += 1)}`);
      await user.git(home, 'clone', '--quiet', ...args, address, folder);
      return folder;
    },
    async init(address) {
      const folder = join(home, `made-${(folders += 1)}`);
      await user.git(home, 'init', '--quiet', folder);
      await user.git(folder, 'remote', 'add', 'origin', address);
      return folder;
    },
  };
  return user;
}

let users = 0;
