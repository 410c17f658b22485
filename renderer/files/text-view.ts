/** Text is read in pieces of this size; the first is shown, more on demand. */
export const TEXT_PIECE_BYTES = 2_000_000;
const SNIFF_BYTES = 8_000;

/** Lines longer than this are cut on screen: one endless line would freeze the page. */
export const LONG_LINE = 2_000;

/** Whether bytes are text: UTF-8 without NUL at their beginning. A character cut at the end does not count. */
export function looksLikeText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, SNIFF_BYTES);
  if (head.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

export interface ShownText {
  readonly text: string;
  readonly lines: number;
  /** How many lines are cut. */
  readonly cut: number;
}

/** Prepares text for the screen. The number of characters left out is said in place of them. */
export function shorten(text: string, sayCut: (characters: number) => string): ShownText {
  const all = text.split('\n');
  // A newline at the very end closes the last line; it does not begin another.
  if (all.length > 1 && all.at(-1) === '') all.pop();
  let cut = 0;
  const lines = all.map((line) => {
    if (line.length <= LONG_LINE) return line;
    cut += 1;
    return `${line.slice(0, LONG_LINE)}${sayCut(line.length - LONG_LINE)}`;
  });
  return { text: lines.join('\n'), lines: lines.length, cut };
}

/**
 * Lays JSON out with two spaces. Works on the text itself: numbers, repeated keys and the order of keys stay as they
 * are written. Undefined when the text is not JSON.
 */
export function layOutJson(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  let depth = 0;
  let result = '';
  const tokens = text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  let before = '';
  const newLine = (): string => `\n${'  '.repeat(depth)}`;
  for (const [token] of tokens) {
    if (token === '}' || token === ']') {
      depth -= 1;
      if (before !== '{' && before !== '[') result += newLine();
    } else if (before === '{' || before === '[' || before === ',') {
      result += newLine();
    }
    result += token === ':' ? ': ' : token;
    if (token === '{' || token === '[') depth += 1;
    before = token;
  }
  return result;
}
