import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const largest = 5 * 2 ** 20;

/**
 * Keeps what the hub prints in a file, since an app started from an icon has no terminal. Above 5 MiB the
 * file becomes `<path>.1` and a new one begins, so at most about twice that is on disk. A disk that takes no
 * log does not stop the hub: it is said once on the app's own standard error.
 */
export function openOutputLog(path: string): (text: string) => void {
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  let file: number | undefined;
  let isBroken = false;
  const write = (text: string): void => {
    if (size > largest) {
      if (file !== undefined) closeSync(file);
      file = undefined;
      renameSync(path, `${path}.1`);
      size = 0;
    }
    if (file === undefined) {
      mkdirSync(dirname(path), { recursive: true });
      file = openSync(path, 'a', 0o600);
    }
    size += writeSync(file, text);
  };
  return (text) => {
    if (isBroken) return;
    try {
      write(text);
    } catch (error) {
      isBroken = true;
      process.stderr.write(`atoll: no log at ${path}: ${String(error)}\n`);
    }
  };
}
