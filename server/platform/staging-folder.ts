import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Make the folder for temporary files, without those that an earlier process left. Only for the holder of the lock. */
export async function openStagingFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}

/** Files in the folder that were last written before a moment, in milliseconds since the epoch. */
export async function filesOlderThan(folder: string, moment: number): Promise<readonly string[]> {
  const old: string[] = [];
  for (const name of await readdir(folder)) {
    const facts = await stat(join(folder, name)).catch(() => undefined);
    if (facts && facts.mtimeMs < moment) old.push(name);
  }
  return old;
}
