import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import { fromByteName, TreeScan } from './tree-scan.ts';

/**
 * One path at which each of these blobs lies below a tree, for those that do. Looks at each distinct tree once, and
 * stops when all are found.
 */
export async function findBlobs(
  db: ObjectDb,
  root: Oid,
  blobs: ReadonlySet<Oid>,
): Promise<ReadonlyMap<Oid, string>> {
  const found = new Map<Oid, string>();
  const seen = new Set<Oid>([root]);
  const slice = createTimeSlice();
  const stack = [{ oid: root, path: '' }];
  for (let folder = stack.pop(); folder && found.size < blobs.size; folder = stack.pop()) {
    const scan = new TreeScan(await db.tree(folder.oid));
    while (scan.next()) {
      const { oid } = scan;
      const isWanted = scan.type === 'tree' ? !seen.has(oid) : blobs.has(oid) && !found.has(oid);
      if (isWanted) {
        const path = `${folder.path}${fromByteName(scan.byteName)}`;
        if (scan.type === 'tree') {
          seen.add(oid);
          stack.push({ oid, path: `${path}/` });
        } else found.set(oid, path);
      }
      if (slice.isOver()) await slice.next();
    }
  }
  return found;
}
