import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { ByteRange, ByteSource } from '../objects/object-store.ts';
import type { Authorize } from './authorize.ts';
import type { Contents } from './contents.ts';
import type { LargeObjects } from './large-objects.ts';

/** A file of a commit whose bytes the hub itself looks at, in whichever form it is held. */
export interface ReadableFile {
  /** Names the content: SHA-256 of a large object, git's id of a blob. */
  readonly contentId: string;
  readonly sizeBytes: number;
  /** The end of the range is clamped. The consumer copies what it keeps: pieces may be used again. */
  open(range: ByteRange): Promise<ByteSource>;
}

export interface FileBytesReader {
  /** Undefined for what is absent or a folder. */
  find(repo: Repo, commit: Oid, path: string): Promise<ReadableFile | undefined>;
}

export function createFileBytesReader(parts: {
  readonly authorize: Pick<Authorize, 'system'>;
  readonly contents: Contents;
  readonly largeObjects: LargeObjects;
}): FileBytesReader {
  const { authorize, contents, largeObjects } = parts;
  return {
    async find(repo, commit, path) {
      const granted = authorize.system(repo);
      try {
        const { oid, large, sizeBytes } = await contents.file(granted, commit, path);
        if (large) {
          const { sha256 } = large;
          const open = ({ start, end }: ByteRange): Promise<ByteSource> =>
            largeObjects.open(granted, sha256, { start, end: Math.min(end, sizeBytes) });
          return { contentId: sha256, sizeBytes, open };
        }
        const open = async (range: ByteRange): Promise<ByteSource> =>
          partOf(await contents.blob(granted, oid), range);
        return { contentId: oid, sizeBytes, open };
      } catch (error) {
        if (isHubError(error, 'EntryNotFound')) return undefined;
        throw error;
      }
    },
  };
}

/** A blob has no ranges: what stands before is read and dropped. */
async function* partOf(blob: AsyncIterable<Uint8Array> | Uint8Array, range: ByteRange): ByteSource {
  if (blob instanceof Uint8Array) {
    yield await Promise.resolve(blob.subarray(range.start, range.end));
    return;
  }
  let at = 0;
  for await (const piece of blob) {
    const part = piece.subarray(Math.max(0, range.start - at), Math.max(0, range.end - at));
    if (part.byteLength > 0) yield part;
    at += piece.byteLength;
    if (at >= range.end) return;
  }
}

/** The first bytes of a file, fewer when it is shorter; all of them in memory. */
export async function readStart(file: ReadableFile, maxBytes: number): Promise<Buffer> {
  return readPart(file, { start: 0, end: maxBytes });
}

/** A part of a file, in memory. */
export async function readPart(file: ReadableFile, range: ByteRange): Promise<Buffer> {
  const end = Math.min(range.end, file.sizeBytes);
  if (range.start >= end) return Buffer.alloc(0);
  const part = Buffer.alloc(end - range.start);
  let filled = 0;
  for await (const piece of await file.open({ start: range.start, end })) {
    part.set(piece.subarray(0, part.byteLength - filled), filled);
    filled += piece.byteLength;
    if (filled >= part.byteLength) break;
  }
  return part.subarray(0, Math.min(filled, part.byteLength));
}
