import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * An outside program that tests drive. `py/<lane>` is the Python of one client era, with the lanes of `.ci/tools`.
 * `ATOLL_TEST_<NAME>` (such as ATOLL_TEST_VERSITYGW or ATOLL_TEST_PY_HUB_2_4_0) names another one.
 */
export type ToolName =
  | 'git'
  | 'git-older'
  | 'git-newer'
  | 'git-lfs'
  | 'git-lfs-test-server-api'
  | 'chromium'
  | 'versitygw'
  | '7za'
  | 'dpkg-deb'
  | 'openssl'
  | 'ssh'
  | `py/${string}`;

/** Where `.ci/tools` puts what is not a system package. */
export const toolsFolder = (): string =>
  process.env.ATOLL_TEST_TOOLS ?? join(homedir(), '.cache/atoll-tools');

/** Path of an outside program, or undefined when this machine does not have it. */
export function findTool(name: ToolName): string | undefined {
  const named = process.env[variableOf(name)];
  if (named !== undefined) return named;
  const candidates = name.startsWith('py/')
    ? [join(toolsFolder(), name, 'bin/python')]
    : [join(toolsFolder(), 'bin'), ...(process.env.PATH ?? '').split(delimiter)].map((folder) =>
        join(folder, name),
      );
  return candidates.find(isExecutable);
}

/** The variable that names another program than the one that would be found. */
export const variableOf = (name: ToolName): string =>
  `ATOLL_TEST_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
