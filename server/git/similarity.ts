import { isBinary } from './text-lines.ts';

/** Of a file under another name, at least half is the same; git's bound. */
export const ENOUGH = 0.5;

const MAX_CHUNK_BYTES = 64;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

export const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** How many bytes of a file are in each of its lines; of longer lines and of other bytes, in pieces. */
export type Chunks = ReadonlyMap<string, number>;

export function countChunks(content: Buffer): Chunks {
  const counts = new Map<string, number>();
  const isText = !isBinary(content);
  let start = 0;
  let text = '';
  const end = (at: number): void => {
    const bytes = text.length;
    if (bytes > 0) counts.set(text, (counts.get(text) ?? 0) + bytes);
    text = '';
    start = at;
  };
  const all = content.toString('latin1');
  for (let at = 0; at < content.length; at += 1) {
    // A line is the same with either line end.
    if (isText && content[at] === RETURN && content[at + 1] === NEWLINE) {
      text += all.slice(start, at);
      start = at + 1;
      continue;
    }
    const length = text.length + at + 1 - start;
    if (content[at] !== NEWLINE && length < MAX_CHUNK_BYTES) continue;
    text += all.slice(start, at + 1);
    end(at + 1);
  }
  text += all.slice(start);
  end(content.length);
  return counts;
}

/** Whether files of these sizes can have enough in common; nothing was moved by moving an empty one. */
export const areSizesClose = (one: number, two: number): boolean =>
  Math.min(one, two) > 0 && Math.min(one, two) >= Math.max(one, two) * ENOUGH;

/** Bytes that two files have in common, wherever they stand. */
export function sharedBytes(one: Chunks, two: Chunks): number {
  const [small, large] = one.size < two.size ? [one, two] : [two, one];
  let shared = 0;
  for (const [chunk, bytes] of small) shared += Math.min(bytes, large.get(chunk) ?? 0);
  return shared;
}

/** A file that may be another one under a new name. */
export interface Match<From, To> {
  readonly from: From;
  readonly to: To;
  readonly score: number;
}

/** The best matches of which no two share a file; of equal ones first those that kept the last part of their path. */
export function bestMatches<From extends { readonly path: string }, To extends { readonly path: string }>(
  matches: readonly Match<From, To>[],
): readonly Match<From, To>[] {
  const isNamed = ({ from, to }: Match<From, To>): number =>
    Number(lastPart(from.path) === lastPart(to.path));
  const used = new Set<From | To>();
  return matches
    .toSorted((a, b) => b.score - a.score || isNamed(b) - isNamed(a))
    .filter(({ from, to }) => {
      if (used.has(from) || used.has(to)) return false;
      used.add(from).add(to);
      return true;
    });
}
