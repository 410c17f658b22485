/** Shorter strings are as quick to parse as to find. */
const LONG_BYTES = 256 * 1024;
/** A text with more quotes before its long string is not looked through. */
const MAX_QUOTES = 256;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Offsets of what is between two quotes. */
export interface StringRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The first long string of a JSON text. Undefined where there is none, where it has escapes, and behind many other strings.
 * Whether the text is JSON is left to whoever parses it.
 */
export function findLongString(json: Buffer): StringRange | undefined {
  if (json.byteLength < LONG_BYTES) return undefined;
  let start: number | undefined;
  let quote = json.indexOf(QUOTE);
  for (let quotes = 0; quote >= 0 && quotes < MAX_QUOTES; quotes++) {
    if (start === undefined) start = quote + 1;
    else if (!isEscaped(json, quote)) {
      if (quote - start >= LONG_BYTES) {
        return json.subarray(start, quote).includes(BACKSLASH) ? undefined : { start, end: quote };
      }
      start = undefined;
    }
    quote = json.indexOf(QUOTE, quote + 1);
  }
  return undefined;
}

function isEscaped(json: Buffer, at: number): boolean {
  let backslashes = 0;
  while (json[at - 1 - backslashes] === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}
