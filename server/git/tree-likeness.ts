import { TreeScan } from './tree-scan.ts';

/** Compared at once by the machine; only where they differ, byte by byte. */
const STEP_BYTES = 512;

/** The first place from `from` on where two contents of one length differ, or their length. */
function nextDifference(a: Buffer, b: Buffer, from: number): number {
  const { length } = a;
  for (let at = from; at < length; at += STEP_BYTES) {
    const end = Math.min(at + STEP_BYTES, length);
    if (a.compare(b, at, end, at, end) === 0) continue;
    let place = at;
    while (a[place] === b[place]) place += 1;
    return place;
  }
  return length;
}

/**
 * Go through the entries of a tree that differ from those of a tree known to be well-formed: most trees of a history
 * are the tree before with other ids. False when more differs than ids, and then some may have been visited.
 */
export function visitChangedIds(content: Buffer, known: Buffer, visit: (scan: TreeScan) => boolean): boolean {
  if (content.length !== known.length) return false;
  const scan = new TreeScan(known);
  const changed = new TreeScan(content);
  for (let at = 0; (at = nextDifference(content, known, at)) < content.length; at = scan.end) {
    while (scan.end <= at) if (!scan.next()) return false;
    if (at <= scan.nameEnd) return false;
    changed.moveTo(scan);
    if (!visit(changed)) return false;
  }
  return true;
}
