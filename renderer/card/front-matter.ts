/** The two halves of a card: YAML facts between `---` lines at the very top, and the Markdown after them. */
export interface CardText {
  readonly yaml: string | undefined;
  readonly markdown: string;
}

/** Splits a card as `huggingface_hub` does: only a first line of exactly `---` begins front matter. */
export function splitFrontMatter(text: string): CardText {
  const match = /^\uFEFF?---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)??---[ \t]*(?:\r?\n|$)/.exec(text);
  return match
    ? { yaml: match[1] ?? '', markdown: text.slice(match[0].length) }
    : { yaml: undefined, markdown: text };
}

export interface CardProblem {
  /** Line and column in the card's file, counted from 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface CardData {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly problem: CardProblem | undefined;
}

/** Reads the facts of front matter; on bad YAML there are none and the problem says where it is. */
export async function readCardFacts(yaml: string | undefined): Promise<CardData> {
  if (yaml === undefined || yaml.trim() === '') return { facts: {}, problem: undefined };
  const { parseDocument } = await import('yaml');
  const document = parseDocument(yaml, { prettyErrors: true });
  const error = document.errors[0];
  if (error) {
    const at = error.linePos?.[0];
    const message = error.message.split(' at line ')[0] ?? error.message;
    // The first line of the file is the opening `---`.
    return { facts: {}, problem: { line: (at?.line ?? 1) + 1, column: at?.col ?? 1, message } };
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return { facts: isMap ? (value as Record<string, unknown>) : {}, problem: undefined };
}
