import type { Oid } from '../domain/ids.ts';
import type { GitObjectType } from './object-storage.ts';
import { createOidTable } from './oid-table.ts';
import type { OidTable } from './oid-table.ts';

/** In the order in which a pack holds them. */
const PACK_ORDER: readonly GitObjectType[] = ['commit', 'tag', 'tree', 'blob'];

/**
 * The objects of an answer by position, in flat arrays: what they are, and which object each one replaced at its path,
 * for deltas. About 60 bytes an object.
 */
export interface SelectedObjects {
  /** Every object that was ever selected, in order of selection; those left out since are still in here. */
  readonly oids: OidTable;
  /** How many are in the answer. */
  readonly count: number;
  /** Objects of the answer are written group by group. */
  readonly groups: number;
  /** The group of an object; -1 for one left out since. */
  groupAt(at: number): number;
  /** What was at the path before, in an earlier commit of the answer or at the client. */
  formerAt(at: number): Oid | undefined;
  /** True for what the client is known to have; of much it is not known. */
  isHeld(oid: Oid): boolean;
}

export interface ObjectSelection extends SelectedObjects {
  /** Objects that the client has. */
  readonly held: OidTable;
  /** The type of an object; `undefined` for one left out since. */
  typeAt(at: number): GitObjectType | undefined;
  countOf(type: GitObjectType): number;
  /** Select an object; false when it was selected or left out before. */
  add(oid: Oid, type: GitObjectType, former?: Oid): boolean;
  /** Select what is named by raw bytes, such as an entry of a tree; answers its position, -1 as above. */
  addRaw(bytes: Buffer, at: number, type: GitObjectType): number;
  setFormer(at: number, former: Oid): void;
  leaveOut(at: number): void;
}

export function createObjectSelection(): ObjectSelection {
  const oids = createOidTable();
  const held = createOidTable();
  const formers = createOidTable();
  let types = new Uint8Array(64);
  /** Position in `formers` plus one; 0 for none. */
  let formerOf = new Uint32Array(64);
  const counts = [0, 0, 0, 0];

  const settle = (type: GitObjectType): number => {
    const at = oids.size - 1;
    if (at === types.length) {
      const moreTypes = new Uint8Array(at * 2);
      moreTypes.set(types);
      types = moreTypes;
      const moreFormers = new Uint32Array(at * 2);
      moreFormers.set(formerOf);
      formerOf = moreFormers;
    }
    const which = PACK_ORDER.indexOf(type);
    types[at] = which + 1;
    counts[which] = (counts[which] as number) + 1;
    return at;
  };

  const setFormer = (at: number, former: Oid): void => {
    formers.add(former);
    formerOf[at] = formers.position(former) + 1;
  };

  return {
    oids,
    held,
    get count() {
      return counts.reduce((sum, count) => sum + count, 0);
    },
    groups: PACK_ORDER.length,
    groupAt: (at) => (types[at] as number) - 1,
    typeAt(at) {
      const type = types[at] as number;
      return type === 0 ? undefined : PACK_ORDER[type - 1];
    },
    countOf: (type) => counts[PACK_ORDER.indexOf(type)] as number,
    formerAt(at) {
      const former = formerOf[at] as number;
      return former === 0 ? undefined : formers.oidAt(former - 1);
    },
    isHeld: (oid) => held.has(oid),
    add(oid, type, former) {
      if (!oids.add(oid)) return false;
      const at = settle(type);
      if (former !== undefined) setFormer(at, former);
      return true;
    },
    addRaw: (bytes, at, type) => (oids.addRaw(bytes, at) ? settle(type) : -1),
    setFormer,
    leaveOut(at) {
      const type = types[at] as number;
      if (type === 0) return;
      counts[type - 1] = (counts[type - 1] as number) - 1;
      types[at] = 0;
    },
  };
}
