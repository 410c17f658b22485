import type { ChosenFile } from './queue.ts';

/** Files of the system that nobody means to upload. */
const NOISE = /(?:^|\/)(?:\.DS_Store|Thumbs\.db|desktop\.ini|\.git)(?:\/|$)/;

const wanted = (files: readonly ChosenFile[]): readonly ChosenFile[] =>
  files.filter(({ path }) => !NOISE.test(path));

/** Files of an `<input type=file>`; folders keep the paths below (and without) the chosen folder itself. */
export function filesOfInput(list: FileList): readonly ChosenFile[] {
  return wanted(
    [...list].map((file) => {
      const within = file.webkitRelativePath.split('/').slice(1).join('/');
      return { path: within === '' ? file.name : within, file };
    }),
  );
}

/** Name of the folder an input with `webkitdirectory` was given. */
export const folderOfInput = (list: FileList): string | undefined =>
  list[0]?.webkitRelativePath.split('/')[0] || undefined;

function readEntries(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

async function walk(entry: FileSystemEntry, path: string): Promise<ChosenFile[]> {
  if (entry.isFile) return [{ path, file: await fileOf(entry as FileSystemFileEntry) }];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: ChosenFile[] = [];
  // A reader hands out at most 100 entries a time; an empty answer is the end.
  for (let batch = await readEntries(reader); batch.length > 0; batch = await readEntries(reader)) {
    for (const child of batch)
      found.push(...(await walk(child, path === '' ? child.name : `${path}/${child.name}`)));
  }
  return found;
}

export interface DroppedFiles {
  readonly files: readonly ChosenFile[];
  /** Name of the folder when exactly one was dropped; its files then lie directly in the target. */
  readonly folder: string | undefined;
}

/** Files and folders of a drop. A single folder is its content; several things keep their names. */
export async function filesOfDrop(transfer: DataTransfer): Promise<DroppedFiles> {
  // The list is only there during the event: take all entries before the first await.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const [only] = entries;
  if (entries.length === 1 && only?.isDirectory)
    return { files: wanted(await walk(only, '')), folder: only.name };
  const files: ChosenFile[] = [];
  for (const entry of entries) files.push(...(await walk(entry, entry.name)));
  return { files: wanted(files), folder: undefined };
}
