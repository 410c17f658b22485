import { createHash } from 'node:crypto';
import { corruptObject } from '../domain/errors.ts';
import { freeBehind } from '../platform/free-bytes.ts';
import type { GitStorage, PackRef } from './object-storage.ts';
import { CHECKSUM_BYTES } from './pack-index.ts';

const READ_BYTES = 256 * 1024;

/**
 * A stored pack as it lies. Each array is of use until the one after the next is asked for. Throws `CorruptObject` before
 * its checksum when the bytes before it are others.
 */
export const copyPack = (
  pack: PackRef,
  readRange: GitStorage['readRange'],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> => freeBehind(readPack(pack, readRange, signal));

async function* readPack(
  { id, packKey, sizeBytes }: PackRef,
  readRange: GitStorage['readRange'],
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const end = sizeBytes - CHECKSUM_BYTES;
  const sha1 = createHash('sha1');
  for (let at = 0; at < end; at += READ_BYTES) {
    signal?.throwIfAborted();
    const bytes = await readRange(packKey, at, Math.min(READ_BYTES, end - at));
    sha1.update(bytes);
    yield bytes;
  }
  const trailer = await readRange(packKey, end, CHECKSUM_BYTES);
  if (!sha1.digest().equals(trailer)) throw corruptObject(`pack ${id} has other bytes`);
  yield trailer;
}
