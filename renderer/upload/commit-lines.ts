import { toBase64 } from './base64.ts';
import { isInCommit, type UploadFile } from './queue.ts';

export interface CommitText {
  readonly summary: string;
  readonly description: string;
}

const line = (key: string, value: unknown): string => `${JSON.stringify({ key, value })}\n`;

/** The commit as NDJSON: the header, then small files with their bytes and large ones by their SHA-256. */
export async function commitBody(text: CommitText, files: readonly UploadFile[]): Promise<Blob> {
  const parts: Blob[] = [new Blob([line('header', text)])];
  for (const { file, mode, path, sha256 } of files.filter(isInCommit)) {
    const value =
      mode === 'lfs'
        ? line('lfsFile', { path, algo: 'sha256', oid: sha256, size: file.size })
        : line('file', { path, content: await toBase64(file), encoding: 'base64' });
    // A blob of its own per line: the browser may keep blobs outside of the page's memory.
    parts.push(new Blob([value]));
  }
  return new Blob(parts);
}
