import { isSha256, type Sha256 } from './ids.ts';

/** What a git-lfs pointer says (git-lfs specification, "The Pointer"). */
export interface LfsPointer {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
}

/** No pointer is longer than this, so longer blobs need not be read to know that they are none. */
export const MAX_POINTER_BYTES = 1024;

const VERSION = 'version https://git-lfs.github.com/spec/v1';

/** The canonical pointer text for an object. */
export const writePointer = (pointer: LfsPointer): string =>
  `${VERSION}\noid sha256:${pointer.sha256}\nsize ${pointer.sizeBytes}\n`;

/** Read a pointer in canonical form; anything else is a plain file. */
export function parsePointer(content: Uint8Array): LfsPointer | undefined {
  if (content.byteLength > MAX_POINTER_BYTES || content.byteLength < VERSION.length) return undefined;
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
  const match =
    /^version https:\/\/git-lfs\.github\.com\/spec\/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,15})\n$/.exec(
      text,
    );
  const [, oid, size] = match ?? [];
  if (oid === undefined || size === undefined || !isSha256(oid)) return undefined;
  const sizeBytes = Number(size);
  return Number.isSafeInteger(sizeBytes) ? { sha256: oid, sizeBytes } : undefined;
}
