import { corruptObject } from '../domain/errors.ts';
import type { GitStorage, PackRef } from './object-storage.ts';
import { copyPack } from './pack-copy.ts';
import { CHECKSUM_BYTES, PACK_HEADER_BYTES, parsePackIndex } from './pack-index.ts';

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
  // Whoever copies it to its end has compared its checksum.
  if (isFull) for await (const bytes of copyPack(pack, readRange)) void bytes;
  return index.objectCount;
}
