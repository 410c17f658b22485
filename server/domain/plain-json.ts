export interface JsonBounds {
  readonly maxDepth: number;
  /** Roughly: characters of all texts and names, and some for each value. */
  readonly maxCharacters: number;
}

type Plain = null | boolean | number | string | Plain[] | { [name: string]: Plain };

class OutOfBounds extends Error {}

/**
 * A copy of a value from outside that is plain JSON: no cycles, no shared parts, no member named `__proto__`, numbers
 * that JSON has. Undefined when the copy would be larger or deeper than the bounds, which is noticed before it is.
 */
export function plainJson(value: unknown, bounds: JsonBounds): unknown {
  let left = bounds.maxCharacters;
  const spend = (characters: number): void => {
    left -= characters;
    if (left < 0) throw new OutOfBounds();
  };

  const copy = (one: unknown, depth: number): Plain => {
    spend(4);
    if (typeof one === 'string') {
      spend(one.length);
      return one;
    }
    if (typeof one === 'number') return Number.isFinite(one) ? one : null;
    if (typeof one === 'boolean') return one;
    if (typeof one === 'bigint') return Number(one);
    if (typeof one !== 'object' || one === null) return null;
    if (depth >= bounds.maxDepth) throw new OutOfBounds();
    if (one instanceof Date) return Number.isNaN(one.getTime()) ? null : one.toISOString();
    if (Array.isArray(one)) return one.map((item) => copy(item, depth + 1));
    if (one instanceof Set) return [...one].map((item) => copy(item, depth + 1));
    const members = one instanceof Map ? [...one] : Object.entries(one);
    const made: { [name: string]: Plain } = {};
    for (const [name, member] of members) {
      const text = String(name);
      if (text === '__proto__') continue;
      spend(text.length);
      made[text] = copy(member, depth + 1);
    }
    return made;
  };

  try {
    return copy(value, 0);
  } catch (error) {
    if (error instanceof OutOfBounds) return undefined;
    throw error;
  }
}

/** An object of JSON, not a list. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The texts in a value that may be one text or a list of them; everything else in it is passed over. */
export const textsOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter(
    (item): item is string => typeof item === 'string' && item.trim() !== '',
  );

/** A value where it is a text that is not empty. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined;
