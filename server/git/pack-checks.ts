import { HubError, isHubError } from '../domain/errors.ts';
import { checkGitFile, type GitFileName } from '../domain/git-files.ts';
import type { Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { IngestTurns } from './ingest-turns.ts';
import type { NamedObjects } from './named-objects.ts';
import type { GitObjectType } from './object-storage.ts';
import { OID_BYTES } from './oid-table.ts';
import type { PackContents } from './pack-contents.ts';
import type { PackInspection } from './pack-inspection.ts';
import type { PackRows } from './pack-rows.ts';
import { badPack } from './pack-scan.ts';
import type { PackWalk } from './pack-walk.ts';

const OUTSIDE_AT_ONCE = 4096;
const FILES_AT_ONCE = 64;

/** Whether what the objects of a pack say of each other and of the repository is so. Throws InvalidObject. */
export interface PackChecks {
  /**
   * What the pack's objects say of each other must be so. Answers whether each of its own is a tip or named by another:
   * since ids go in no circle, all of them are then reached from the tips.
   */
  checkInside(ownCount: number): Promise<boolean>;
  /** What they name outside the pack must be in the repository. Answers whether there is any. */
  checkOutside(walk: PackWalk): Promise<boolean>;
  /** Files that git itself reads, in the pack and outside. */
  checkGitFiles(walk: PackWalk): Promise<void>;
}

export function createPackChecks(needs: {
  readonly rows: PackRows;
  readonly contents: PackContents;
  readonly named: NamedObjects;
  readonly tips: readonly Oid[];
  readonly inspection: Pick<PackInspection, 'note'>;
  readonly turns: Pick<IngestTurns, 'tell' | 'pause'>;
}): PackChecks {
  const { rows, contents, named, tips, inspection, turns } = needs;

  async function checkInside(ownCount: number): Promise<boolean> {
    const tipOids = new Set(tips);
    const raw = rows.oids();
    let isAllReachable = true;
    for (let row = 0; row < rows.count; row += 1) {
      const number = named.find(raw, row * OID_BYTES);
      const type = number < 0 ? undefined : named.namedAs(number);
      if (number >= 0) named.placeInPack(number);
      if (type === undefined) {
        if (row < ownCount && isAllReachable) isAllReachable = tipOids.has(rows.oid(row));
      } else {
        requireOneType(type, rows.oid(row));
        const real = rows.type(row);
        if (real !== type) throw badPack(`names ${rows.oid(row)} as a ${type}, and it is a ${real}`);
        if (named.isRootWithCacheFolder(number)) {
          inspection.note(rows.oid(row), 'tree', {
            text: 'has a refused name',
            entry: '.cache',
            isName: true,
          });
        }
      }
      const paused = turns.pause();
      if (paused) await paused;
    }
    return isAllReachable;
  }

  function requireOneType(type: GitObjectType | 'several', oid: Oid): asserts type is GitObjectType {
    if (type === 'several') throw badPack(`names the object ${oid} as two types, and it has one`);
  }

  async function checkOutside(walk: PackWalk): Promise<boolean> {
    const oids = named.oids();
    let leadsOutside = false;
    let wanted: Buffer[] = [];
    let types: GitObjectType[] = [];
    const askOutside = async (): Promise<void> => {
      if (types.length === 0) return;
      const { missing = [] } = await turns.tell({ kind: 'outside', oids: Buffer.concat(wanted), types });
      const [absent] = missing;
      if (absent !== undefined) {
        const oid = oidAt(wanted[absent] as Buffer, 0);
        const path = (await walk.paths([oid])).get(oid);
        const place = path === undefined ? '' : ` ("${shown(path)}")`;
        throw badPack(
          `is incomplete: the ${types[absent]} ${oid}${place} is neither in it nor in the repository`,
        );
      }
      wanted = [];
      types = [];
    };
    for (let number = 0; number < named.size; number += 1) {
      const type = named.namedAs(number);
      if (type === undefined || named.isInPack(number)) continue;
      leadsOutside = true;
      requireOneType(type, oidAt(oids, number));
      if (!named.isKnown(number)) {
        wanted.push(oids.subarray(number * OID_BYTES, (number + 1) * OID_BYTES));
        types.push(type);
        if (types.length >= OUTSIDE_AT_ONCE) await askOutside();
      }
      const paused = turns.pause();
      if (paused) await paused;
    }
    await askOutside();
    return leadsOutside;
  }

  async function checkGitFiles(walk: PackWalk): Promise<void> {
    const oids = named.oids();
    let outside: { oid: Oid; name: GitFileName }[] = [];
    const askOutside = async (): Promise<void> => {
      if (outside.length > 0) await turns.tell({ kind: 'git-files', files: outside });
      outside = [];
    };
    for (let number = 0; number < named.size; number += 1) {
      for (const name of named.gitFiles(number)) {
        const oid = oidAt(oids, number);
        if (!named.isInPack(number)) {
          outside.push({ oid, name });
          if (outside.length >= FILES_AT_ONCE) await askOutside();
          continue;
        }
        try {
          checkGitFile(name, contents.get(walk.rowOf(oid)));
        } catch (error) {
          if (!isHubError(error, 'InvalidContent')) throw error;
          throw new HubError('InvalidObject', error.message, { cause: error });
        }
        const paused = turns.pause();
        if (paused) await paused;
      }
    }
    await askOutside();
  }

  return { checkInside, checkOutside, checkGitFiles };
}

const oidAt = (raw: Buffer, number: number): Oid =>
  raw.toString('hex', number * OID_BYTES, (number + 1) * OID_BYTES) as Oid;
