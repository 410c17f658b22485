import { HubError } from './errors.ts';
import type { Oid, Sha256 } from './ids.ts';
import { parsePath } from './names.ts';

/** One operation of a commit, after its line was read. Paths are checked; contents are already stored or named. */
export type ChangeOperation =
  | { readonly kind: 'file'; readonly path: string; readonly oid: Oid; readonly sizeBytes: number }
  | {
      readonly kind: 'lfs-file';
      readonly path: string;
      readonly sha256: Sha256;
      readonly sizeBytes: number | undefined;
    }
  | {
      readonly kind: 'copy';
      readonly path: string;
      readonly from: string;
      readonly fromRevision: string | undefined;
    }
  | { readonly kind: 'delete-file'; readonly path: string }
  | { readonly kind: 'delete-folder'; readonly path: string };

export type Addition = Extract<ChangeOperation, { kind: 'file' | 'lfs-file' | 'copy' }>;

/** The operations of one commit in the order in which they apply: deletions first, the last addition of a path wins. */
export interface ChangeSet {
  readonly deletions: readonly { readonly path: string; readonly kind: 'file' | 'folder' | 'either' }[];
  readonly additions: ReadonlyMap<string, Addition>;
}

/**
 * Fold operations into a change set. `deletedFile` may name a folder too, since clients send it so (contract
 * 3.4). Throws PathCollision when one addition needs a file where another needs a folder.
 */
export function foldOperations(operations: Iterable<ChangeOperation>): ChangeSet {
  const deletions = new Map<string, 'file' | 'folder' | 'either'>();
  const additions = new Map<string, Addition>();
  for (const operation of operations) {
    if (operation.kind === 'delete-file') deletions.set(operation.path, 'either');
    else if (operation.kind === 'delete-folder') deletions.set(operation.path, 'folder');
    else additions.set(operation.path, operation);
  }
  refuseFileAndFolder(additions);
  return { deletions: [...deletions].map(([path, kind]) => ({ path, kind })), additions };
}

function refuseFileAndFolder(additions: ReadonlyMap<string, Addition>): void {
  const cleared = new Set<string>();
  for (const path of additions.keys()) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const folder = path.slice(0, slash);
      if (cleared.has(folder)) break;
      if (additions.has(folder)) {
        throw new HubError('PathCollision', 'A path of this commit is both a file and a folder.', {
          details: { path: folder },
        });
      }
      cleared.add(folder);
    }
  }
}

/** The path of a `deletedFolder` line: a trailing slash is how clients write it; the root is refused. */
export function parseDeletedFolder(text: unknown): string {
  if (typeof text !== 'string') throw new HubError('InvalidBody', 'A path must be a string.');
  return parsePath(text.endsWith('/') ? text.slice(0, -1) : text);
}
