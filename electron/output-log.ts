import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

const largest = 5 * 2 ** 20;

/**
 * Keeps what the hub prints in a file, since an app started from an icon has no terminal. Above 5 MiB the
 * file becomes `<path>.1` and a new one begins, so at most twice that is on disk. A disk that takes no log
 * does not stop the hub: it is said once on the app's own standard error.
 */
export function openOutputLog(path: string): (text: string) => void {
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  let stream: WriteStream | undefined;
  let isBroken = false;
  const open = (): WriteStream => {
    mkdirSync(dirname(path), { recursive: true });
    return createWriteStream(path, { flags: 'a' }).on('error', giveUp);
  };
  const giveUp = (error: unknown): void => {
    if (!isBroken) process.stderr.write(`atoll: no log at ${path}: ${String(error)}\n`);
    isBroken = true;
  };
  return (text) => {
    if (isBroken) return;
    try {
      if (size > largest) {
        stream?.end();
        stream = undefined;
        renameSync(path, `${path}.1`);
        size = 0;
      }
      stream ??= open();
      stream.write(text);
      size += Buffer.byteLength(text);
    } catch (error) {
      giveUp(error);
    }
  };
}
