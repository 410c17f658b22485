import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { conflict } from '../domain/errors.ts';

/** A folder that files are written into by relative path, with `/` between the parts. */
export interface FolderTarget {
  makeFolder(path: string): Promise<void>;
  write(path: string, source: AsyncIterable<Uint8Array> | Uint8Array): Promise<void>;
}

/** Open a folder to write into. It is made when absent; throws Conflict when there is something in it. */
export async function openEmptyFolder(folder: string): Promise<FolderTarget> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) throw conflict(`The folder ${folder} is not empty.`);
  return {
    makeFolder: async (path) => {
      await mkdir(join(folder, path), { recursive: true });
    },
    write: async (path, source) => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      const file = await open(join(folder, path), 'wx');
      try {
        if (source instanceof Uint8Array) await file.writeFile(source);
        else for await (const bytes of source) await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}
