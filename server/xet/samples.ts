import { HASH_BYTES } from './hash.ts';

/*
 * Which chunks of a xorb are remembered so that it is found again by whoever has the same content. Clients ask about
 * the first chunk of a file and about chunks whose hash, its last eight bytes read as a little-endian number, is
 * divisible by 1024 (Xet specification, "Deduplication"). The hub itself looks for more, since it asks about all.
 */

const ASKED_MODULUS_MASK = 1023;
/** Bounds what a xorb of chosen chunks can add to the table; eight of 8,192 are to be expected. */
const MAX_ASKED = 64;
/** The lowest hashes of a xorb: of two with nearly the same content, most of them are the same. */
const LOWEST = 16;

/** True for chunks that clients ask about wherever in a file they are. */
const isAskedAbout = (hashes: Uint8Array, at: number): boolean =>
  (((hashes[at + 24] ?? 0) | ((hashes[at + 25] ?? 0) << 8)) & ASKED_MODULUS_MASK) === 0;

/** The `count` lowest of the raw hashes that lie back to back, each once. */
export const lowestHashes = (hashes: Uint8Array, count: number): readonly Uint8Array[] => {
  const lowest: Uint8Array[] = [];
  for (let at = 0; at < hashes.length; at += HASH_BYTES) {
    const hash = hashes.subarray(at, at + HASH_BYTES);
    const last = lowest[count - 1];
    if (last && Buffer.compare(hash, last) >= 0) continue;
    const place = lowest.findIndex((other) => Buffer.compare(hash, other) <= 0);
    const there = place < 0 ? undefined : lowest[place];
    if (there && Buffer.compare(hash, there) === 0) continue;
    lowest.splice(place < 0 ? lowest.length : place, 0, hash);
    if (lowest.length > count) lowest.pop();
  }
  return lowest;
};

/** Raw hashes by which a xorb with these chunks is found. */
export const samplesOf = (hashes: Uint8Array): readonly Uint8Array[] => {
  const samples: Uint8Array[] = [...lowestHashes(hashes, LOWEST)];
  let asked = 0;
  for (let at = 0; at < hashes.length && asked < MAX_ASKED; at += HASH_BYTES) {
    if (!isAskedAbout(hashes, at)) continue;
    samples.push(hashes.subarray(at, at + HASH_BYTES));
    asked += 1;
  }
  return samples;
};
