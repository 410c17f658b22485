import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { IngestTurns } from './ingest-turns.ts';
import type { NamedObjects } from './named-objects.ts';
import type { GitObjectType } from './object-storage.ts';
import { hashObject } from './objects.ts';
import { createOidTable, OID_BYTES } from './oid-table.ts';
import type { PackCompletion } from './pack-completion.ts';
import { WHOLE_BYTES, type PackContents } from './pack-contents.ts';
import type { PackInspection } from './pack-inspection.ts';
import { NO_ROW, type PackRows } from './pack-rows.ts';
import { badPack } from './pack-scan.ts';

/** Longest chain of deltas that git itself writes. */
const MAX_CHAIN = 4095;
const BASES_AT_ONCE = 64;

/** Makes the contents of the deltas of a pack that is being received. */
export interface PackDeltas {
  /** The row is a delta against an object that is known by its id alone. */
  awaitBase(base: Oid, row: number): void;
  /** Resolve a delta when its base is at hand, as it mostly is where the delta comes right behind it. */
  resolveAtOnce(row: number, delta: Buffer): void;
  /**
   * Resolve the others once the pack is read, one chain at a time, and add the bases it leaves out. What rests on
   * itself, or on what is too large, stays unresolved.
   */
  resolveAll(): Promise<void>;
}

export function createPackDeltas(needs: {
  readonly rows: PackRows;
  readonly contents: PackContents;
  readonly named: NamedObjects;
  readonly inspection: PackInspection;
  readonly completion: PackCompletion;
  readonly turns: IngestTurns;
}): PackDeltas {
  const { rows, contents, named, inspection, completion, turns } = needs;
  /** Ids that deltas name as their bases, and by number the first row of those deltas that waits for it. */
  const refBases = createOidTable();
  const refHeads: number[] = [];

  /** Deltas that name the object as their base by its id are deltas against its row from now on. */
  function adopt(row: number): void {
    if (refBases.size === 0) return;
    const number = refBases.positionRaw(rows.oids(), row * OID_BYTES);
    if (number < 0) return;
    for (let delta = refHeads[number] ?? NO_ROW; delta !== NO_ROW;) {
      const next = rows.nextDelta(delta);
      rows.addDelta(row, delta);
      delta = next;
    }
    refHeads[number] = NO_ROW;
  }

  /** The content of a row, where it can be had without making others first. */
  function baseAtHand(row: number): Buffer | undefined {
    if (rows.type(row) === undefined || rows.size(row) > WHOLE_BYTES) return undefined;
    return contents.held(row) ?? (rows.depth(row) === 0 ? contents.get(row) : undefined);
  }

  /** Make the content of a delta against a resolved row. Undefined when that is not worth it, which is a fault. */
  function resolveDelta(base: Buffer, row: number, delta?: Buffer): Buffer | undefined {
    const baseRow = rows.base(row);
    const type = rows.type(baseRow) as GitObjectType;
    const depth = rows.depth(baseRow) + 1;
    if (depth > MAX_CHAIN) throw badPack(`has a chain of more than ${MAX_CHAIN} deltas`);
    const sizeBytes = rows.size(row);
    if (sizeBytes > inspection.maxBytesOf(type)) {
      inspection.note(undefined, type, inspection.tooLarge(type, sizeBytes));
      return undefined;
    }
    const content = makeContent(base, row, delta);
    const oid = hashObject(type, content);
    rows.resolve(row, type, oid, depth);
    // What was added from the repository was not looked at here.
    const isLookedAt = type === 'tree' && !inspection.hasFault && baseRow < row;
    const isLikeness = isLookedAt && !named.hasCacheFolder(rows.oids(), baseRow * OID_BYTES);
    inspection.inspect(type, oid, content, isLikeness ? base : undefined);
    if (content.length <= WHOLE_BYTES || rows.firstDelta(row) !== NO_ROW) contents.keep(row, content);
    return content;
  }

  /** Make everything that rests on a resolved row, one chain at a time. */
  async function resolveFrom(root: number): Promise<void> {
    const stack = [root];
    for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
      if (rows.size(row) > inspection.maxBytes) continue;
      let base: Buffer | undefined;
      for (let delta = rows.firstDelta(row); delta !== NO_ROW; delta = rows.nextDelta(delta)) {
        // Most are resolved as they come: their bases are right before them.
        if (rows.type(delta) !== undefined) continue;
        turns.advance();
        base ??= contents.get(row);
        if (!resolveDelta(base, delta)) continue;
        adopt(delta);
        if (rows.firstDelta(delta) !== NO_ROW) stack.push(delta);
        const paused = turns.pause();
        if (paused) await paused;
      }
    }
  }

  function makeContent(base: Buffer, row: number, delta?: Buffer): Buffer {
    try {
      return contents.apply(base, row, inspection.maxBytes, delta);
    } catch (error) {
      if (!isHubError(error, 'CorruptObject')) throw error;
      throw badPack(`has a delta at byte ${rows.offset(row)} that does not fit its base`, error);
    }
  }

  async function addBases(): Promise<void> {
    const isWaiting = (number: number): boolean => (refHeads[number] ?? NO_ROW) !== NO_ROW;
    for (let number = 0; number < refBases.size;) {
      const oids: Oid[] = [];
      for (; number < refBases.size && oids.length < BASES_AT_ONCE; number += 1) {
        if (isWaiting(number)) oids.push(refBases.oidAt(number));
      }
      while (oids.length > 0) {
        const { bases = [] } = await turns.tell({ kind: 'bases', oids });
        if (bases.length === 0) throw new Error('a base was asked for and not answered');
        for (const base of bases) {
          const oid = oids.shift() as Oid;
          // What another base brought along meanwhile is there already.
          if (!isWaiting(refBases.position(oid))) continue;
          if (!base)
            throw badPack(`has a delta against ${oid}, which is neither in it nor in the repository`);
          const row = completion.addBase(oid, base);
          adopt(row);
          await resolveFrom(row);
        }
      }
    }
  }

  return {
    awaitBase(base, row) {
      const number = refBases.add(base) ? refBases.size - 1 : refBases.position(base);
      rows.setNextDelta(row, refHeads[number] ?? NO_ROW);
      refHeads[number] = row;
    },

    resolveAtOnce(row, delta) {
      const base = baseAtHand(rows.base(row));
      if (base) resolveDelta(base, row, delta);
    },

    async resolveAll() {
      const ownCount = rows.count;
      let unresolved = 0;
      for (let row = 0; row < ownCount; row += 1) if (rows.type(row) === undefined) unresolved += 1;
      turns.begin('resolving', unresolved);
      for (let row = 0; unresolved > 0 && row < ownCount; row += 1) {
        if (rows.type(row) === undefined) continue;
        adopt(row);
        await resolveFrom(row);
      }
      await addBases();
    },
  };
}
