import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

export const projectRoot = join(import.meta.dirname, '../..');

const SKIPPED = new Set(['node_modules', 'dist', 'release', '.git', '.cache', 'test-results', 'fixtures']);

/** Every file of the project by its path with forward slashes, without what is installed or built. */
export function listFiles(folder = ''): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = posix.join(folder.split(sep).join('/'), entry.name);
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}

/** The program text of the project: path and content. */
export function readSources(): Map<string, string> {
  const paths = listFiles().filter((path) => /\.(?:ts|cts|mts|js|cjs|mjs|vue)$/.test(path));
  return new Map(paths.map((path) => [path, readFileSync(join(projectRoot, path), 'utf8')]));
}
