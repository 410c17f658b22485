import { posix, win32 } from 'node:path';

/** What the choice of folders depends on. */
export interface Place {
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
  /** Relative paths start here. */
  readonly workDir: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The data folder when nobody chose one: where each system keeps data of programs, never roaming. */
export function defaultDataFolder(env: Environment, { platform, homeDir }: Place): string {
  if (platform === 'win32') {
    return win32.join(env['LOCALAPPDATA'] || win32.join(homeDir, 'AppData', 'Local'), 'atoll');
  }
  if (platform === 'darwin') return posix.join(homeDir, 'Library', 'Application Support', 'atoll');
  // XDG Base Directory Specification: a relative path is invalid and to be ignored.
  const xdg = env['XDG_DATA_HOME'];
  const base = xdg !== undefined && posix.isAbsolute(xdg) ? xdg : posix.join(homeDir, '.local', 'share');
  return posix.join(base, 'atoll');
}

export const absolutePath = (path: string, from: string, platform: NodeJS.Platform): string =>
  (platform === 'win32' ? win32 : posix).resolve(from, path);
