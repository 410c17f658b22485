import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { HubError } from '../domain/errors.ts';

const KEY_BYTES = 32;

/** The key that the hub signs with: 32 random bytes in a file that only its owner can read, made when absent. */
export async function readSecretKey(path: string): Promise<Buffer> {
  const stored = await readOrMakeSecretFile(path, () => Promise.resolve(randomBytes(KEY_BYTES)));
  if (stored.byteLength !== KEY_BYTES) throw new HubError('Unavailable', `The key file ${path} is damaged.`);
  return stored;
}

/** What a file holds that only its owner can read; made when it is absent. */
export async function readOrMakeSecretFile(path: string, make: () => Promise<Buffer>): Promise<Buffer> {
  const stored = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new HubError('Unavailable', `The key file ${path} cannot be read.`, { cause: error });
  });
  if (stored !== undefined) return stored;
  const fresh = await make();
  await writeFile(path, fresh, { mode: 0o600, flag: 'wx', flush: true });
  return fresh;
}
