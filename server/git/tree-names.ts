import { createTimeSlice } from '../platform/time-slice.ts';
import { TreeScan } from './tree-scan.ts';

/** Two names in one folder that some file systems take for one. */
export interface NameTwin {
  readonly name: string;
  readonly twin: string;
}

const LOOP_STEP = 1024;

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const TO_LOWER = 0x20;

/**
 * What names have in common that Windows and macOS cannot hold side by side: the same letters but for case, or the
 * same characters in another Unicode form.
 */
export const foldName = (name: string): string => name.normalize('NFC').toLowerCase();

/** A hash of a name with ASCII letters lowered; 0 for a name that is not ASCII, which needs the slow way. */
function asciiFoldHash(content: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) {
    let byte = content[at] as number;
    if (byte >= 128) return 0;
    if (byte >= UPPER_A && byte <= UPPER_Z) byte += TO_LOWER;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash === 0 ? 1 : hash;
}

/**
 * Which of `names` (all of them in the tree) have a twin in the tree. One pass over the tree's bytes; a string is made
 * only for names that are not ASCII or that look like a hit.
 */
export async function findNameTwins(tree: Buffer, names: ReadonlySet<string>): Promise<readonly NameTwin[]> {
  const slice = createTimeSlice();
  let steps = 0;
  const byFold = new Map<string, string[]>();
  const hashes = new Set<number>();
  for (const name of names) {
    const fold = foldName(name);
    const bytes = Buffer.from(fold, 'utf8');
    hashes.add(asciiFoldHash(bytes, 0, bytes.length));
    const same = byFold.get(fold);
    if (same === undefined) byFold.set(fold, [name]);
    else same.push(name);
    steps += 1;
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  const twins: NameTwin[] = [];
  const scan = new TreeScan(tree);
  while (scan.next()) {
    const hash = asciiFoldHash(tree, scan.nameStart, scan.nameEnd);
    steps += 1;
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
    if (hash !== 0 && !hashes.has(hash)) continue;
    const twin = scan.name;
    for (const name of byFold.get(foldName(twin)) ?? []) {
      // Of two names that are both asked about, one report is enough.
      if (name !== twin && !(names.has(twin) && twin < name)) twins.push({ name, twin });
    }
  }
  return twins;
}
