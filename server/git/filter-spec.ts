import { shown } from '../domain/names.ts';
import type { ObjectFilter } from './pack-question.ts';
import { protocolError } from './pkt-line.ts';

/** Deeper trees are a matter of paths, not of partial clones. */
const MAX_TREE_DEPTH = 64;
/** Filters that can be combined: there are not so many that say different things. */
const MAX_PARTS = 16;

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/**
 * Read what a partial clone wants left out (git, Documentation/rev-list-options, `--filter`); of several filters, which
 * git sends as `combine:`, all are kept to. Filters by path and by type cost the server a walk for each client and are
 * refused. Throws InvalidRequest with a sentence that the person sees.
 */
export function parseFilterSpec(spec: string): ObjectFilter {
  const filters = partsOf(spec).map(parseSimple);
  if (filters.length === 0 || filters.length > MAX_PARTS || filters.includes(undefined)) {
    throw protocolError(
      `The filter '${shown(spec)}' is not served here: use blob:none, blob:limit=<size>, or tree:<depth> ` +
        `up to ${MAX_TREE_DEPTH}, or several of them.`,
    );
  }
  const each = filters.filter((filter) => filter !== undefined);
  return {
    blobBytes: Math.min(...each.map(({ blobBytes }) => blobBytes)),
    depth: Math.min(...each.map(({ depth }) => depth)),
  };
}

/** The parts of `combine:<filter>+<filter>`, which are encoded as in a URL; of any other filter itself; none when bad. */
function partsOf(spec: string): readonly string[] {
  const [, combined] = /^combine:(.{1,1000})$/.exec(spec) ?? [];
  if (combined === undefined) return [spec];
  try {
    return combined.split('+').map(decodeURIComponent);
  } catch {
    return [];
  }
}

function parseSimple(spec: string): ObjectFilter | undefined {
  if (spec === 'blob:none') return { blobBytes: 0, depth: Infinity };
  const [, digits, unit] = /^blob:limit=([0-9]{1,15})([kmg]?)$/i.exec(spec) ?? [];
  if (digits !== undefined && unit !== undefined) {
    const blobBytes = Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
    return Number.isSafeInteger(blobBytes) ? { blobBytes, depth: Infinity } : undefined;
  }
  const [, depth] = /^tree:([0-9]{1,9})$/.exec(spec) ?? [];
  return depth !== undefined && Number(depth) <= MAX_TREE_DEPTH
    ? { blobBytes: Infinity, depth: Number(depth) }
    : undefined;
}
