import type { Oid } from '../domain/ids.ts';
import { MAX_POINTER_BYTES, parsePointer } from '../domain/lfs.ts';
import { createHexReader, type NamedObjects } from './named-objects.ts';
import {
  commitProblem,
  MAX_TEXT_OBJECT_BYTES,
  MAX_TREE_BYTES,
  tagProblem,
  type ObjectProblem,
} from './object-checks.ts';
import type { GitObjectType } from './object-storage.ts';
import type { PackFault } from './pack-fault.ts';
import { createPointerList, type PointerList } from './pointer-list.ts';
import { createTreeChecks, type TreeVisitor } from './tree-checks.ts';

/** What the objects of a pack that is being received are in themselves, and the first thing that is wrong with one. */
export interface PackInspection {
  /** No object may have more, whatever it is. */
  readonly maxBytes: number;
  maxBytesOf(type: GitObjectType): number;
  tooLarge(type: GitObjectType, sizeBytes: number): ObjectProblem;
  /**
   * Look at a content once, wherever it came from: its form, what it names, whether it is a pointer.
   *
   * @param likeness An object of the pack that was looked at already.
   */
  inspect(type: GitObjectType, oid: Oid, content: Buffer, likeness?: Buffer): void;
  /** Of several faults the first counts. */
  note(oid: Oid | undefined, type: GitObjectType, problem: ObjectProblem): void;
  readonly hasFault: boolean;
  /** The fault, for whoever throws about it. */
  takeFault(): PackFault | undefined;
  pointers(): PointerList;
}

/** @param maxFileBytes Larger files belong into LFS. */
export function createPackInspection(maxFileBytes: number, named: NamedObjects): PackInspection {
  const checkTree = createTreeChecks();
  const rawOf = createHexReader();
  const pointers = createPointerList();
  let fault: PackFault | undefined;

  const note = (oid: Oid | undefined, type: GitObjectType, problem: ObjectProblem): void => {
    fault ??= { oid, type, problem };
  };

  const maxBytesOf = (type: GitObjectType): number =>
    type === 'blob' ? maxFileBytes : type === 'tree' ? MAX_TREE_BYTES : MAX_TEXT_OBJECT_BYTES;

  const tooLarge = (type: GitObjectType, sizeBytes: number): ObjectProblem =>
    type === 'blob'
      ? {
          text: `has ${sizeBytes} bytes, and files over ${maxFileBytes} bytes must be sent by Git LFS`,
          isSize: true,
        }
      : { text: `has ${sizeBytes} bytes, which is too much for a ${type}` };

  const nameEntry: TreeVisitor['onEntry'] = (kind, bytes, at) => {
    if (kind !== 'commit') named.name(kind, bytes, at);
  };

  function inspect(type: GitObjectType, oid: Oid, content: Buffer, likeness?: Buffer): void {
    let problem: ObjectProblem | undefined;
    if (type === 'blob') {
      const pointer = content.length <= MAX_POINTER_BYTES ? parsePointer(content) : undefined;
      if (pointer) pointers.add(oid, pointer);
      return;
    }
    if (content.length > maxBytesOf(type)) problem = tooLarge(type, content.length);
    else if (type === 'tree') {
      const visitor: TreeVisitor = {
        onEntry: nameEntry,
        onGitFile: named.nameGitFile,
        onCacheFolder: () => named.noteCacheFolder(rawOf(oid), 0),
      };
      problem = checkTree(content, visitor, likeness);
    } else if (type === 'commit') {
      problem = commitProblem(content, (kind, hex) => {
        if (kind === 'tree') named.nameRoot(rawOf(hex), 0);
        else named.name(kind, rawOf(hex), 0);
      });
    } else problem = tagProblem(content, (kind, hex) => named.name(kind, rawOf(hex), 0));
    if (problem) note(oid, type, problem);
  }

  return {
    maxBytes: Math.max(maxFileBytes, MAX_TREE_BYTES),
    maxBytesOf,
    tooLarge,
    inspect,
    note,
    get hasFault() {
      return fault !== undefined;
    },
    takeFault() {
      const taken = fault;
      fault = undefined;
      return taken;
    },
    pointers: () => pointers.list(),
  };
}
