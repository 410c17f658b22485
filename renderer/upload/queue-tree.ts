import { isSettled, type UploadFile } from './queue.ts';

/** One row of the queue as it is shown: a folder with what is under it, or a file. */
export interface QueueRow {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly file: UploadFile | undefined;
  readonly open: boolean;
  readonly bytes: number;
  readonly count: number;
  readonly settled: number;
}

interface FolderNode {
  readonly path: string;
  readonly name: string;
  readonly folders: Map<string, FolderNode>;
  readonly files: UploadFile[];
}

const makeFolder = (path: string, name: string): FolderNode => ({
  path,
  name,
  folders: new Map(),
  files: [],
});

function plant(files: readonly UploadFile[]): FolderNode {
  const root = makeFolder('', '');
  for (const file of files) {
    let folder = root;
    const parts = file.path.split('/');
    for (const part of parts.slice(0, -1)) {
      const path = folder.path === '' ? part : `${folder.path}/${part}`;
      const next = folder.folders.get(part) ?? makeFolder(path, part);
      folder.folders.set(part, next);
      folder = next;
    }
    folder.files.push(file);
  }
  return root;
}

function filesUnder(folder: FolderNode): readonly UploadFile[] {
  return [...folder.files, ...[...folder.folders.values()].flatMap(filesUnder)];
}

/** The queue as a tree that keeps its folders; what lies in a closed folder has no row. */
export function treeRows(
  files: readonly UploadFile[],
  isOpen: (folder: string) => boolean,
): readonly QueueRow[] {
  const rows: QueueRow[] = [];
  const walk = (folder: FolderNode, depth: number): void => {
    for (const child of [...folder.folders.values()].toSorted((a, b) => a.name.localeCompare(b.name))) {
      const inside = filesUnder(child);
      const open = isOpen(child.path);
      rows.push({
        path: child.path,
        name: `${child.name}/`,
        depth,
        file: undefined,
        open,
        bytes: inside.reduce((sum, { file }) => sum + file.size, 0),
        count: inside.length,
        settled: inside.filter(isSettled).length,
      });
      if (open) walk(child, depth + 1);
    }
    for (const file of folder.files.toSorted((a, b) => a.path.localeCompare(b.path))) {
      rows.push(fileRow(file, file.path.split('/').at(-1) ?? file.path, depth));
    }
  };
  walk(plant(files), 0);
  return rows;
}

const fileRow = (file: UploadFile, name: string, depth: number): QueueRow => ({
  path: file.path,
  name,
  depth,
  file,
  open: false,
  bytes: file.file.size,
  count: 1,
  settled: isSettled(file) ? 1 : 0,
});

/** The queue as a plain list with whole paths, for when it is filtered. */
export const listRows = (files: readonly UploadFile[]): readonly QueueRow[] =>
  files.map((file) => fileRow(file, file.path, 0));
