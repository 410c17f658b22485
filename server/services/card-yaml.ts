import { isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';

const MAX_ALIASES = 100;

/** Something that is wrong with a text, and where: an offset into it. */
interface Mistake {
  readonly message: string;
  readonly at: number;
}

/**
 * The value of one YAML document. Throws an Error whose message says the first thing that is wrong with it, and where.
 *
 * The time it takes grows with the text and no faster. That is why two checks are made here and not by the parser: it
 * compares every key of a mapping with all others, and draws a picture of each of possibly 100,000 mistakes.
 */
export function parseCardYaml(text: string): unknown {
  const lines = new LineCounter();
  const document = withoutStacks(() =>
    parseDocument(text, { schema: 'core', uniqueKeys: false, prettyErrors: false, lineCounter: lines }),
  );
  const [error] = document.errors;
  const mistakes: readonly Mistake[] = [
    ...(error ? [{ message: error.message, at: error.pos[0] }] : []),
    ...twinKeys(document),
  ].toSorted((left, right) => left.at - right.at);
  const [first] = mistakes;
  if (first) {
    const { line, col } = lines.linePos(first.at);
    throw new Error(`${first.message} at line ${line}, column ${col}:`);
  }
  return document.toJS({ maxAliasCount: MAX_ALIASES });
}

/** The first key of a mapping that the same mapping already has. */
function twinKeys(document: Document): readonly Mistake[] {
  let first: Mistake | undefined;
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const at = key.range?.[0] ?? 0;
        if (seen.has(key.value) && (first === undefined || at < first.at))
          first = { message: 'Map keys must be unique', at };
        seen.add(key.value);
      }
    },
  });
  return first ? [first] : [];
}

/** A megabyte of commas is a million mistakes, and where in the parser each was made takes most of the time. */
function withoutStacks<Result>(work: () => Result): Result {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
