import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';

/** Writes a file so that a crash leaves the old or the new text, never half of it. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/**
 * Puts `port` into the hub's configuration file, leaving every other setting as it is. A file that is not an
 * object of settings is left alone: the hub would not have got as far as asking for a port.
 */
export async function keepPort(configFile: string, port: number): Promise<void> {
  const text = await readFile(configFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  const settings = z.record(z.string(), z.unknown()).parse(JSON.parse(text.replace(/^\uFEFF/, '')));
  await replaceFile(configFile, `${JSON.stringify({ ...settings, port }, null, 2)}\n`);
}
