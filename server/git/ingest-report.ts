import type { GitFileName } from '../domain/git-files.ts';
import type { Oid } from '../domain/ids.ts';
import type { GitObject, GitObjectType } from './object-storage.ts';
import type { Growth } from './pack-scan.ts';
import type { PointerList } from './pointer-list.ts';

/* What is said between the thread that receives a pack and the one that has the repository. */

/** What the worker is told about a pack before it begins, and what it may not hold. */
export interface IngestPlan {
  readonly tips: readonly Oid[];
  /** Larger files belong into LFS. */
  readonly maxFileBytes: number;
  /** Up to here the objects are handed over as rows, and no index is made. */
  readonly hot: { readonly bytes: number; readonly objects: number };
}

/** What the other side is told, each time it has the turn. */
export type IngestReport =
  /** Everything that is there was read; more must come. */
  | { readonly kind: 'starved'; readonly objectCount: number }
  /** Nothing is needed but the thread. */
  | { readonly kind: 'working'; readonly phase: IngestPhase; readonly done: number; readonly total: number }
  /** The pack was read to its end. What follows it does not belong to it. */
  | { readonly kind: 'read'; readonly sizeBytes: number }
  /** Bases of deltas that the pack leaves out. Answer as many as are wanted to be in memory, at least one. */
  | { readonly kind: 'bases'; readonly oids: readonly Oid[] }
  /** Objects that the pack names and does not hold: raw ids, and the type each must have. */
  | { readonly kind: 'outside'; readonly oids: Uint8Array; readonly types: readonly GitObjectType[] }
  /** Files outside the pack that it names as ones that git reads. */
  | {
      readonly kind: 'git-files';
      readonly files: readonly { readonly oid: Oid; readonly name: GitFileName }[];
    }
  | { readonly kind: 'done'; readonly pack: IngestedPack }
  | { readonly kind: 'paths'; readonly paths: ReadonlyMap<Oid, string> };

export type IngestPhase = 'reading' | 'resolving' | 'checking';

/** The answer to a report. */
export interface IngestTurn {
  readonly growth?: Growth;
  /** In the order they were asked for; undefined where the repository has none. */
  readonly bases?: readonly (GitObject | undefined)[];
  /** Which of the objects outside are not there, or of another type: positions in the report. */
  readonly missing?: readonly number[];
  /** After `done`: find where these lie. */
  readonly pathsOf?: readonly Oid[];
}

/** A pack that was read, completed and found to be good. */
export interface IngestedPack {
  /** Objects in the file, those included that were added to complete it. */
  readonly objectCount: number;
  /** Length of the file that now is the pack. */
  readonly sizeBytes: number;
  readonly packId: string;
  readonly index: Uint8Array;
  /** The objects themselves, where they are few and small. */
  readonly rows: readonly IngestedRow[] | undefined;
  /** No object of the pack is there for nothing: all are reached from the tips. */
  readonly isAllReachable: boolean;
  /** It holds all that the tips lead to, and nothing else. */
  readonly isClosed: boolean;
  readonly pointers: PointerList;
}

export interface IngestedRow {
  readonly oid: Oid;
  readonly type: GitObjectType;
  readonly sizeBytes: number;
  readonly deflated: Uint8Array;
}
