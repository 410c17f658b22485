import type { Oid } from '../domain/ids.ts';
import type { GitObjectType } from './object-storage.ts';
import { OID_BYTES } from './oid-table.ts';
import type { PackIndexRows } from './pack-index.ts';

const TYPES: readonly (GitObjectType | undefined)[] = [undefined, 'commit', 'tree', 'blob', 'tag'];
const FIRST_CAPACITY = 1024;

/** No row: the end of a list, or a base that is not known yet. */
export const NO_ROW = -1;

/**
 * The entries of a pack that is being received, in the order of the pack, in flat arrays: 46 bytes each, however many
 * there are. Arrays grow as entries really come; what the pack says of their number is not believed.
 */
export interface PackRows {
  readonly count: number;
  /** Answers the number of the new row. */
  add(entry: { readonly offset: number; readonly dataStart: number; readonly crc32: number }): number;
  offset(row: number): number;
  /** Where the entry's zlib stream starts, from `offset`. */
  dataStart(row: number): number;
  /** The row whose entry starts at `offset`, or `NO_ROW`. */
  rowAt(offset: number): number;
  /** What the object is; undefined while it is not resolved. */
  type(row: number): GitObjectType | undefined;
  resolve(row: number, type: GitObjectType, oid: Oid, depth: number): void;
  /** How many deltas lead to it. */
  depth(row: number): number;
  /** Length of the object's content; of a delta, that of its result. */
  size(row: number): number;
  setSize(row: number, sizeBytes: number): void;
  oid(row: number): Oid;
  /** Raw ids of all rows, 20 bytes each. */
  oids(): Buffer;
  /** What the row is a delta against. */
  base(row: number): number;
  /** Deltas against the row form a list. */
  addDelta(base: number, row: number): void;
  firstDelta(base: number): number;
  /** The next delta against the same base. */
  nextDelta(row: number): number;
  /** Chain rows whose base is known by id alone; the caller keeps the heads of these lists. */
  setNextDelta(row: number, next: number): void;
  indexRows(): PackIndexRows;
}

export function createPackRows(): PackRows {
  let capacity = FIRST_CAPACITY;
  let count = 0;
  let offsets = new Float64Array(capacity);
  let crc32s = new Uint32Array(capacity);
  let sizes = new Uint32Array(capacity);
  let oids = Buffer.alloc(capacity * OID_BYTES);
  let bases = new Int32Array(capacity);
  let firsts = new Int32Array(capacity);
  let nexts = new Int32Array(capacity);
  let depths = new Uint16Array(capacity);
  let types = new Uint8Array(capacity);
  let dataStarts = new Uint8Array(capacity);

  const grow = (): void => {
    capacity *= 2;
    const wider = <Numbers extends Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array>(
      numbers: Numbers,
      made: Numbers,
    ): Numbers => {
      made.set(numbers);
      return made;
    };
    offsets = wider(offsets, new Float64Array(capacity));
    crc32s = wider(crc32s, new Uint32Array(capacity));
    sizes = wider(sizes, new Uint32Array(capacity));
    oids = wider(oids, Buffer.alloc(capacity * OID_BYTES));
    bases = wider(bases, new Int32Array(capacity));
    firsts = wider(firsts, new Int32Array(capacity));
    nexts = wider(nexts, new Int32Array(capacity));
    depths = wider(depths, new Uint16Array(capacity));
    types = wider(types, new Uint8Array(capacity));
    dataStarts = wider(dataStarts, new Uint8Array(capacity));
  };

  return {
    get count() {
      return count;
    },
    add({ offset, dataStart, crc32 }) {
      if (count === capacity) grow();
      const row = count;
      count += 1;
      offsets[row] = offset;
      dataStarts[row] = dataStart;
      crc32s[row] = crc32;
      bases[row] = NO_ROW;
      firsts[row] = NO_ROW;
      nexts[row] = NO_ROW;
      return row;
    },
    offset: (row) => offsets[row] as number,
    dataStart: (row) => dataStarts[row] as number,
    rowAt(offset) {
      let low = 0;
      let high = count;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((offsets[middle] as number) < offset) low = middle + 1;
        else high = middle;
      }
      return low < count && offsets[low] === offset ? low : NO_ROW;
    },
    type: (row) => TYPES[types[row] as number],
    resolve(row, type, oid, depth) {
      types[row] = TYPES.indexOf(type);
      oids.write(oid, row * OID_BYTES, 'hex');
      depths[row] = depth;
    },
    depth: (row) => depths[row] as number,
    size: (row) => sizes[row] as number,
    setSize(row, sizeBytes) {
      sizes[row] = sizeBytes;
    },
    oid: (row) => oids.toString('hex', row * OID_BYTES, (row + 1) * OID_BYTES) as Oid,
    oids: () => oids.subarray(0, count * OID_BYTES),
    base: (row) => bases[row] as number,
    addDelta(base, row) {
      bases[row] = base;
      nexts[row] = firsts[base] as number;
      firsts[base] = row;
    },
    firstDelta: (base) => firsts[base] as number,
    nextDelta: (row) => nexts[row] as number,
    setNextDelta(row, next) {
      nexts[row] = next;
    },
    indexRows: () => ({
      oids: oids.subarray(0, count * OID_BYTES),
      crc32s: crc32s.subarray(0, count),
      offsets: offsets.subarray(0, count),
    }),
  };
}
