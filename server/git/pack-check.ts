import { createHash } from 'node:crypto';
import { corruptObject } from '../domain/errors.ts';
import type { GitStorage, PackRef } from './object-storage.ts';
import { CHECKSUM_BYTES, PACK_HEADER_BYTES, parsePackIndex } from './pack-index.ts';

const READ_BYTES = 1024 * 1024;

/**
 * Check a pack against its index; with `isFull`, every byte against both checksums. Answers how many objects it
 * holds. Throws `CorruptObject`.
 */
export async function checkPack(
  pack: PackRef,
  readRange: GitStorage['readRange'],
  { isFull }: { readonly isFull: boolean },
): Promise<number> {
  const index = await parsePackIndex(await readRange(pack.indexKey, 0, pack.indexSizeBytes));
  const bodyEnd = pack.sizeBytes - CHECKSUM_BYTES;
  if (bodyEnd < PACK_HEADER_BYTES) throw corruptObject(`pack ${pack.id} is too short`);
  const header = await readRange(pack.packKey, 0, PACK_HEADER_BYTES);
  if (header.toString('latin1', 0, 4) !== 'PACK' || header.readUInt32BE(8) !== index.objectCount) {
    throw corruptObject(`pack ${pack.id} does not have the header its index calls for`);
  }
  const trailer = await readRange(pack.packKey, bodyEnd, CHECKSUM_BYTES);
  if (!trailer.equals(index.packChecksum)) throw corruptObject(`pack ${pack.id} has another index`);
  if (isFull) {
    const sha1 = createHash('sha1');
    for (let at = 0; at < bodyEnd; at += READ_BYTES) {
      sha1.update(await readRange(pack.packKey, at, Math.min(READ_BYTES, bodyEnd - at)));
    }
    if (!sha1.digest().equals(trailer)) throw corruptObject(`pack ${pack.id} has other bytes`);
  }
  return index.objectCount;
}
