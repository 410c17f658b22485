import type { GitFileName } from '../domain/git-files.ts';
import type { GitObjectType } from './object-storage.ts';
import { createOidTable, OID_BYTES } from './oid-table.ts';

const TYPE_BITS: Readonly<Record<GitObjectType, number>> = { commit: 1, tree: 2, blob: 4, tag: 8 };
const ALL_TYPES = 15;
const ROOT = 16;
const IN_PACK = 32;
/** Times a type's bit: known to be in the repository as that. */
const KNOWN = 64;
const ATTRIBUTES = 1024;
const MODULES = 2048;
const HAS_CACHE_FOLDER = 4096;

const TYPE_NAMES = Object.keys(TYPE_BITS) as readonly GitObjectType[];

/** What the objects of a pack say of the objects they name, which may lie in the pack or in the repository. */
export interface NamedObjects {
  readonly size: number;
  oids(): Buffer;
  name(type: GitObjectType, bytes: Uint8Array, at: number): void;
  /** As the tree of a commit. */
  nameRoot(bytes: Uint8Array, at: number): void;
  nameGitFile(file: GitFileName, bytes: Uint8Array, at: number): void;
  /** The tree has a folder that is refused at a root. */
  noteCacheFolder(bytes: Uint8Array, at: number): void;
  hasCacheFolder(bytes: Uint8Array, at: number): boolean;
  /** The repository has it, and it is of that type. */
  know(type: GitObjectType, bytes: Uint8Array, at: number): void;
  /** The pack has it. */
  placeInPack(number: number): void;
  isInPack(number: number): boolean;
  isKnown(number: number): boolean;
  /** What it is named as: one type, or several, of which at most one can be right; undefined when nothing names it. */
  namedAs(number: number): GitObjectType | 'several' | undefined;
  isRootWithCacheFolder(number: number): boolean;
  gitFiles(number: number): readonly GitFileName[];
  /** Number of an object that was named or noted, or -1. */
  find(bytes: Uint8Array, at: number): number;
}

export function createNamedObjects(): NamedObjects {
  const table = createOidTable();
  let facts = new Uint16Array(128);

  const note = (bytes: Uint8Array, at: number, bits: number): void => {
    const number = table.placeRaw(bytes, at);
    if (number >= facts.length) {
      const wider = new Uint16Array(facts.length * 2);
      wider.set(facts);
      facts = wider;
    }
    facts[number] = (facts[number] as number) | bits;
  };
  const has = (number: number, bits: number): boolean => ((facts[number] as number) & bits) === bits;

  return {
    get size() {
      return table.size;
    },
    oids: () => table.bytes(),
    name: (type, bytes, at) => note(bytes, at, TYPE_BITS[type]),
    nameRoot: (bytes, at) => note(bytes, at, TYPE_BITS.tree | ROOT),
    nameGitFile: (file, bytes, at) => note(bytes, at, file === '.gitmodules' ? MODULES : ATTRIBUTES),
    noteCacheFolder: (bytes, at) => note(bytes, at, HAS_CACHE_FOLDER),
    hasCacheFolder(bytes, at) {
      const number = table.positionRaw(bytes, at);
      return number >= 0 && has(number, HAS_CACHE_FOLDER);
    },
    know: (type, bytes, at) => note(bytes, at, TYPE_BITS[type] * KNOWN),
    placeInPack(number) {
      facts[number] = (facts[number] as number) | IN_PACK;
    },
    isInPack: (number) => has(number, IN_PACK),
    isKnown(number) {
      const named = (facts[number] as number) & ALL_TYPES;
      return has(number, named * KNOWN);
    },
    namedAs(number) {
      const named = (facts[number] as number) & ALL_TYPES;
      if (named === 0) return undefined;
      return TYPE_NAMES.find((type) => TYPE_BITS[type] === named) ?? 'several';
    },
    isRootWithCacheFolder: (number) => has(number, ROOT | HAS_CACHE_FOLDER),
    gitFiles(number) {
      const files: GitFileName[] = [];
      if (has(number, ATTRIBUTES)) files.push('.gitattributes');
      if (has(number, MODULES)) files.push('.gitmodules');
      return files;
    },
    find: (bytes, at) => table.positionRaw(bytes, at),
  };
}

/** Raw bytes of an id that is written in hex: a buffer that is used again, valid until the next call. */
export function createHexReader(): (hex: string) => Buffer {
  const bytes = Buffer.alloc(OID_BYTES);
  return (hex) => {
    bytes.write(hex, 'hex');
    return bytes;
  };
}
