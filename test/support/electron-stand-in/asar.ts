/** Reads Electron's archive format: https://github.com/electron/asar#format */
import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface ArchivedFile {
  readonly path: string;
  readonly size: number;
  /** From the archive's beginning; nothing is there for a file that lies unpacked beside it. */
  readonly offset: number;
  readonly isExecutable: boolean;
  readonly isUnpacked: boolean;
}

/** What the header says of a folder (`files`) or a file. */
interface Entry {
  readonly files?: Readonly<Record<string, Entry>>;
  readonly size?: number;
  readonly offset?: string;
  readonly executable?: boolean;
  readonly unpacked?: boolean;
}

/** Every file of an archive. */
export function listArchive(archive: string): readonly ArchivedFile[] {
  const file = openSync(archive, 'r');
  try {
    // Two length-prefixed records: the size of the header, then the header as a string of JSON.
    const sizes = read(file, 0, 16);
    const start = 8 + sizes.readUInt32LE(4);
    const header = JSON.parse(read(file, 16, sizes.readUInt32LE(12)).toString()) as Entry;
    const walk = (files: Readonly<Record<string, Entry>>, folder: string): ArchivedFile[] =>
      Object.entries(files).flatMap(([name, entry]) => {
        const path = join(folder, name);
        if (entry.files) return walk(entry.files, path);
        const { size = 0, offset = '0', executable = false, unpacked = false } = entry;
        return {
          path,
          size,
          offset: start + Number(offset),
          isExecutable: executable,
          isUnpacked: unpacked,
        };
      });
    return walk(header.files ?? {}, '');
  } finally {
    closeSync(file);
  }
}

/** Writes an archive and what lies unpacked beside it into one folder, as Electron shows them. */
export function extractArchive(archive: string, target: string): void {
  const file = openSync(archive, 'r');
  try {
    for (const { path, size, offset, isExecutable, isUnpacked } of listArchive(archive)) {
      const to = join(target, path);
      mkdirSync(dirname(to), { recursive: true });
      if (isUnpacked) copyFileSync(join(`${archive}.unpacked`, path), to);
      else writeFileSync(to, read(file, offset, size));
      if (isExecutable) chmodSync(to, 0o755);
    }
  } finally {
    closeSync(file);
  }
}

function read(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(file, bytes, 0, length, position) !== length) throw new Error('The archive is cut short.');
  return bytes;
}
