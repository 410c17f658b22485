import { corruptObject } from '../domain/errors.ts';
import type { ByteSource } from '../objects/object-store.ts';

/** One thing in an archive. */
export interface ArchiveEntry {
  /** From the root of the archive, with `/` between its parts. */
  readonly path: string;
  readonly kind: 'file' | 'executable' | 'link' | 'folder';
  /** Of a link: the length of its target, which is its content. */
  readonly sizeBytes: number;
  open(): Promise<ByteSource | Uint8Array>;
}

/** A form in which a revision is written. Everything but the content follows from the entries, its length too. */
export interface ArchiveForm {
  readonly mediaType: string;
  /** Bytes of the whole archive. */
  lengthOf(entries: readonly ArchiveEntry[], facts: ArchiveFacts): number;
  /** `entries` is asked for as often as it takes, and answers the same each time. */
  write(entries: () => AsyncIterable<ArchiveEntry>, facts: ArchiveFacts): AsyncGenerator<Uint8Array>;
}

export interface ArchiveFacts {
  /** Told to whoever looks into the archive, as `git archive` does. */
  readonly commit: string;
  /** Seconds since the epoch: the time of everything in it. */
  readonly time: number;
}

export const modeOf = ({ kind }: ArchiveEntry): number =>
  ({ file: 0o100644, executable: 0o100755, link: 0o120777, folder: 0o040755 })[kind];

/** The content of an entry. Throws CorruptObject when it is not as long as was said before it. */
export async function* contentOf(entry: ArchiveEntry): AsyncGenerator<Uint8Array> {
  const bytes = await entry.open();
  let sizeBytes = 0;
  for await (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > entry.sizeBytes) break;
    yield chunk;
  }
  if (sizeBytes !== entry.sizeBytes)
    throw corruptObject(`${entry.path} is not ${entry.sizeBytes} bytes long`);
}
