import { createTimeSlice } from '../platform/time-slice.ts';
import type { IndexedPack } from './object-db.ts';
import { OID_BYTES } from './oid-table.ts';
import { lowerBound, sortOffsets } from './pack-index.ts';
import type { SelectedObjects } from './selected-objects.ts';

/** Objects of an answer that lie in one pack, in the order in which they lie there. */
export interface PackedObjects extends IndexedPack {
  /** Where their entries start. */
  readonly offsets: Float64Array;
  /** Their positions in the answer. */
  readonly positions: Uint32Array;
  /** Their rows in the pack's index. */
  readonly rows: Uint32Array;
  /** Which of them starts at an offset, -1 when none does. */
  at(offset: number): number;
}

/** Where the objects of an answer are read from: each from one place. */
export interface ObjectPlaces {
  /** Oldest pack first: what newer packs hold may build on it. */
  readonly packed: readonly PackedObjects[];
  /** Positions of those that no pack holds, in order. */
  readonly unpacked: readonly number[];
  /** How long the entries in packs are together. */
  readonly sizeInPacks: number;
}

/** Find the place of every object, 28 bytes an object. `packs` are listed newest first. */
export async function placeObjects(
  selected: Pick<SelectedObjects, 'oids' | 'groupAt'>,
  packs: readonly IndexedPack[],
): Promise<ObjectPlaces> {
  const slice = createTimeSlice();
  const { size } = selected.oids;
  const raw = selected.oids.bytes();
  // The largest first: it holds the most, and deltas are reused where base and result are in one pack.
  const bySize = packs
    .map((pack, i) => ({ pack, i }))
    .sort((a, b) => b.pack.index.objectCount - a.pack.index.objectCount);
  const packOf = new Int32Array(size).fill(-1);
  const rowOf = new Uint32Array(size);
  const counts = new Uint32Array(packs.length);
  const unpacked: number[] = [];
  for (let at = 0; at < size; at += 1) {
    if (selected.groupAt(at) < 0) continue;
    for (const { pack, i } of bySize) {
      const row = pack.index.findRaw(raw, at * OID_BYTES);
      if (row < 0) continue;
      packOf[at] = i;
      rowOf[at] = row;
      counts[i] = (counts[i] as number) + 1;
      break;
    }
    if (packOf[at] === -1) unpacked.push(at);
    if (at % 1024 === 0 && slice.isOver()) await slice.next();
  }

  const lists = packs.map((_, i) => new Uint32Array(counts[i] as number));
  const filled = new Uint32Array(packs.length);
  for (let at = 0; at < size; at += 1) {
    const i = packOf[at] as number;
    if (i < 0) continue;
    const place = filled[i] as number;
    (lists[i] as Uint32Array)[place] = at;
    filled[i] = place + 1;
  }

  const packed: PackedObjects[] = [];
  let sizeInPacks = 0;
  for (let i = packs.length - 1; i >= 0; i -= 1) {
    const { ref, index } = packs[i] as IndexedPack;
    const list = lists[i] as Uint32Array;
    if (list.length === 0) continue;
    const unsorted = Float64Array.from(list, (at) => index.offsetAt(rowOf[at] as number));
    const offsets = await sortOffsets(unsorted);
    const positions = new Uint32Array(list.length);
    const rows = new Uint32Array(list.length);
    for (const at of list) {
      const row = rowOf[at] as number;
      const local = lowerBound(offsets, index.offsetAt(row));
      sizeInPacks +=
        (index.entryEnd(offsets[local] as number, ref.sizeBytes) ?? 0) - (offsets[local] as number);
      positions[local] = at;
      rows[local] = row;
      if (local % 1024 === 0 && slice.isOver()) await slice.next();
    }
    packed.push({
      ref,
      index,
      offsets,
      positions,
      rows,
      at(offset) {
        const local = lowerBound(offsets, offset);
        return offsets[local] === offset ? local : -1;
      },
    });
  }
  return { packed, unpacked, sizeInPacks };
}
