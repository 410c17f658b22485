import { access, constants, mkdir } from 'node:fs/promises';
import { HubError } from '../domain/errors.ts';

/** Make the data folder, for its owner alone. Throws Forbidden with `folder` when it cannot be written to. */
export async function openDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
  } catch (cause) {
    const message = `The data folder ${folder} cannot be written to.`;
    throw new HubError('Forbidden', message, { details: { folder }, cause });
  }
}
