import { OID_BYTES } from './oid-table.ts';

const WORDS = OID_BYTES / 4;

/**
 * A set of object ids that are met as bytes inside other bytes (trees, pack entries), numbered in order of arrival: no
 * string is made for any of them. 28 to 56 bytes an id.
 */
export interface RawOids {
  readonly size: number;
  /** Number of the id that starts at `at` in `bytes`; added when it is new. */
  add(bytes: Uint8Array, at: number): number;
  /** Number of the id, or -1. */
  find(bytes: Uint8Array, at: number): number;
  /** The raw ids in order, 20 bytes each. A view: valid until the next `add`. */
  bytes(): Buffer;
}

/** Open addressing over one flat array. */
export function createRawOids(): RawOids {
  let words = new Uint32Array(64 * WORDS);
  let slots = new Int32Array(128).fill(-1);
  let size = 0;
  const wanted = new Uint32Array(WORDS);
  const wantedBytes = new Uint8Array(wanted.buffer);

  const slotOf = (table: Uint32Array, at: number, mask: number): number =>
    ((table[at] as number) ^ Math.imul(table[at + 2] as number, 0x9e3779b1)) & mask;

  /** Slot that holds the id, or the free slot where it belongs. */
  const probe = (bytes: Uint8Array, at: number): number => {
    for (let i = 0; i < OID_BYTES; i += 1) wantedBytes[i] = bytes[at + i] as number;
    const mask = slots.length - 1;
    let slot = slotOf(wanted, 0, mask);
    for (;;) {
      const position = slots[slot] as number;
      if (position < 0) return slot;
      const word = position * WORDS;
      if (
        words[word] === wanted[0] &&
        words[word + 1] === wanted[1] &&
        words[word + 2] === wanted[2] &&
        words[word + 3] === wanted[3] &&
        words[word + 4] === wanted[4]
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  };

  const grow = (): void => {
    const wider = new Uint32Array(words.length * 2);
    wider.set(words);
    words = wider;
    slots = new Int32Array(slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let position = 0; position < size; position += 1) {
      let slot = slotOf(words, position * WORDS, mask);
      while ((slots[slot] as number) >= 0) slot = (slot + 1) & mask;
      slots[slot] = position;
    }
  };

  return {
    get size() {
      return size;
    },
    add(bytes, at) {
      const slot = probe(bytes, at);
      const known = slots[slot] as number;
      if (known >= 0) return known;
      const position = size;
      slots[slot] = position;
      words.set(wanted, position * WORDS);
      size += 1;
      if (size * 2 >= slots.length) grow();
      return position;
    },
    find: (bytes, at) => slots[probe(bytes, at)] as number,
    bytes: () => Buffer.from(words.buffer, 0, size * OID_BYTES),
  };
}
