/**
 * What the C library takes from the system and gives back as one (`bin/process-memory.js`). Buffers below that lie in its
 * heap, which can only shrink from its end: a few that live long hold all the room of those that do not.
 */
const SLAB_BYTES = 256 * 1024;
/** What leaves too much of a slab unused has a buffer of its own. */
const MOST_BYTES = SLAB_BYTES / 2;

/**
 * Buffers cut from slabs one after the other, larger ones than `mostBytes` apart. A slab is garbage when all its buffers
 * are, so they should live about equally long. Their content is not zeroed.
 */
export function createSlabs(mostBytes = MOST_BYTES): (length: number) => Buffer {
  let slab = Buffer.alloc(0);
  let filled = 0;
  return (length) => {
    if (length > mostBytes) return Buffer.allocUnsafeSlow(length);
    if (filled + length > slab.length) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      filled = 0;
    }
    filled += length;
    return slab.subarray(filled - length, filled);
  };
}
