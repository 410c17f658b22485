import { shown } from '../domain/names.ts';
import type { ObjectFilter } from './pack-question.ts';
import { protocolError } from './pkt-line.ts';

/** Deeper trees are a matter of paths, not of partial clones. */
const MAX_TREE_DEPTH = 64;

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/**
 * Read what a partial clone wants left out (git, Documentation/rev-list-options, `--filter`). Filters by path, by type
 * and combined ones cost the server a walk for each client and are refused. Throws InvalidRequest with a sentence that
 * the person sees.
 */
export function parseFilterSpec(spec: string): ObjectFilter {
  if (spec === 'blob:none') return { kind: 'blob:none' };
  const [, digits, unit] = /^blob:limit=([0-9]{1,15})([kmg]?)$/i.exec(spec) ?? [];
  if (digits !== undefined && unit !== undefined) {
    const bytes = Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
    if (Number.isSafeInteger(bytes)) return { kind: 'blob:limit', bytes };
  }
  const depth = /^tree:([0-9]{1,9})$/.exec(spec)?.[1];
  if (depth !== undefined && Number(depth) <= MAX_TREE_DEPTH)
    return { kind: 'tree:depth', depth: Number(depth) };
  throw protocolError(
    `The filter '${shown(spec)}' is not served here: use blob:none, blob:limit=<size>, or tree:<depth> ` +
      `up to ${MAX_TREE_DEPTH}.`,
  );
}
