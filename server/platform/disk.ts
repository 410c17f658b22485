import { statfs } from 'node:fs/promises';

/** Room on the volume of a folder, in bytes; undefined where the system does not tell. */
export async function freeSpace(
  folder: string,
): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | undefined> {
  const facts = await statfs(folder).catch(() => undefined);
  return facts && { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
}
