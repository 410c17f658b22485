import { endianness } from 'node:os';
import type { Oid } from '../domain/ids.ts';

const WORDS = 5;
export const OID_BYTES = 20;

/** A set of object ids that remembers their order of insertion; 28 to 56 bytes an id instead of a JS string's 80. */
export interface OidTable {
  readonly size: number;
  /** Memory it holds. */
  readonly sizeBytes: number;
  /** True when the id is new; its position is then `size - 1`. */
  add(oid: Oid): boolean;
  /** The same for the raw id at `at` in `bytes`, such as in a tree. */
  addRaw(bytes: Uint8Array, at: number): boolean;
  /** The same, and answers where it stands, new or not. */
  placeRaw(bytes: Uint8Array, at: number): number;
  has(oid: Oid): boolean;
  hasRaw(bytes: Uint8Array, at: number): boolean;
  /** Where in the order of insertion an id stands, -1 when it is not there. */
  position(oid: Oid): number;
  positionRaw(bytes: Uint8Array, at: number): number;
  oidAt(position: number): Oid;
  /** The raw ids in order of insertion, 20 bytes each. A view: valid until the next `add`. */
  bytes(): Buffer;
}

/** Four bytes of an id as they lie in memory: ids in trees stand anywhere, and arrays of words do not. */
const wordAt: (bytes: Uint8Array, at: number) => number =
  endianness() === 'LE'
    ? (bytes, at) =>
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
    : (bytes, at) =>
        ((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number);

/** Open addressing over one flat array: a million ids cost no JS objects and no work for the garbage collector. */
export function createOidTable(): OidTable {
  let words = new Uint32Array(64 * WORDS);
  let slots = new Int32Array(128).fill(-1);
  let size = 0;
  const wanted = new Uint32Array(WORDS);
  const wantedBytes = Buffer.from(wanted.buffer);

  const slotOf = (table: Uint32Array, at: number, mask: number): number =>
    ((table[at] as number) ^ Math.imul(table[at + 2] as number, 0x9e3779b1)) & mask;

  const isWantedAt = (at: number): boolean =>
    words[at] === wanted[0] &&
    words[at + 1] === wanted[1] &&
    words[at + 2] === wanted[2] &&
    words[at + 3] === wanted[3] &&
    words[at + 4] === wanted[4];

  /** Slot that holds the wanted id, or the free slot where it belongs. */
  const probeWanted = (): number => {
    const mask = slots.length - 1;
    let slot = slotOf(wanted, 0, mask);
    for (;;) {
      const position = slots[slot] as number;
      if (position < 0 || isWantedAt(position * WORDS)) return slot;
      slot = (slot + 1) & mask;
    }
  };

  const probe = (oid: Oid): number => {
    wantedBytes.write(oid, 'hex');
    return probeWanted();
  };

  const probeRaw = (bytes: Uint8Array, at: number): number => {
    for (let word = 0; word < WORDS; word += 1) wanted[word] = wordAt(bytes, at + word * 4);
    return probeWanted();
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

  const addAt = (slot: number): boolean => {
    if ((slots[slot] as number) >= 0) return false;
    slots[slot] = size;
    words.set(wanted, size * WORDS);
    size += 1;
    if (size * 2 >= slots.length) grow();
    return true;
  };

  return {
    get size() {
      return size;
    },
    get sizeBytes() {
      return words.byteLength + slots.byteLength;
    },
    add: (oid) => addAt(probe(oid)),
    addRaw: (bytes, at) => addAt(probeRaw(bytes, at)),
    placeRaw(bytes, at) {
      const slot = probeRaw(bytes, at);
      return addAt(slot) ? size - 1 : (slots[slot] as number);
    },
    has: (oid) => (slots[probe(oid)] as number) >= 0,
    hasRaw: (bytes, at) => (slots[probeRaw(bytes, at)] as number) >= 0,
    position: (oid) => slots[probe(oid)] as number,
    positionRaw: (bytes, at) => slots[probeRaw(bytes, at)] as number,
    oidAt: (position) => Buffer.from(words.buffer, position * OID_BYTES, OID_BYTES).toString('hex') as Oid,
    bytes: () => Buffer.from(words.buffer, 0, size * OID_BYTES),
  };
}
