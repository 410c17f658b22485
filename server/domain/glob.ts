type Token =
  | { readonly kind: 'star' }
  /** One character, judged by a predicate. */
  | { readonly kind: 'one'; readonly accepts: (character: string) => boolean };

type Part = { readonly kind: 'any-folders' } | { readonly kind: 'name'; readonly tokens: readonly Token[] };

/**
 * Compile a git wildmatch pattern (gitignore(5), gitattributes(5)) into a predicate over a whole path: `*` and
 * `?` stop at slashes, a whole part `**` crosses them, `[...]` is a class, a backslash quotes. Patterns come
 * from repositories, so matching never takes longer than pattern length times path length.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const texts = pattern.split('/');
  const parts = texts.map((text): Part =>
    text === '**' ? { kind: 'any-folders' } : { kind: 'name', tokens: tokenize(text) },
  );
  const last = parts.at(-1);
  if (last?.kind === 'any-folders') parts.push({ kind: 'name', tokens: [{ kind: 'star' }] });
  return (path) =>
    matchSequence(
      parts,
      path.split('/'),
      (part) => part.kind === 'any-folders',
      (part, name) => part.kind === 'name' && matchName(part.tokens, name),
    );
}

const matchName = (tokens: readonly Token[], name: string): boolean =>
  matchSequence(
    tokens,
    [...name],
    (token) => token.kind === 'star',
    (token, character) => token.kind === 'one' && token.accepts(character),
  );

/** Match items against a pattern with wildcards for runs of items; on failure only the last wildcard grows. */
function matchSequence<Pattern, Item>(
  pattern: readonly Pattern[],
  items: readonly Item[],
  isRun: (part: Pattern) => boolean,
  accepts: (part: Pattern, item: Item) => boolean,
): boolean {
  let at = 0;
  let run: { readonly next: number; start: number } | undefined;
  for (let item = 0; item < items.length;) {
    const part = pattern[at];
    if (part !== undefined && isRun(part)) {
      run = { next: at + 1, start: item };
      at++;
    } else if (part !== undefined && accepts(part, items[item] as Item)) {
      at++;
      item++;
    } else if (run) {
      run.start++;
      item = run.start;
      at = run.next;
    } else {
      return false;
    }
  }
  while (at < pattern.length && isRun(pattern[at] as Pattern)) at++;
  return at === pattern.length;
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(/\*+|\?|\[([!^]?)(\]?(?:[^\]\\]|\\.)*)\]|\\(.)|./gsu)) {
    const [token, negation, members, quoted] = match;
    if (token.startsWith('*')) tokens.push({ kind: 'star' });
    else if (token === '?') tokens.push({ kind: 'one', accepts: () => true });
    else if (members !== undefined && members !== '') tokens.push(classToken(members, negation !== ''));
    else for (const literal of quoted ?? token) tokens.push({ kind: 'one', accepts: (it) => it === literal });
  }
  return tokens;
}

function classToken(members: string, isNegated: boolean): Token {
  const ranges: (readonly [string, string])[] = [];
  for (const match of members.matchAll(/(\\.|[^\\])(?:-(\\.|[^\\]))?/gsu)) {
    const low = (match[1] ?? '').replace(/^\\/, '');
    ranges.push([low, (match[2] ?? low).replace(/^\\/, '')]);
  }
  return {
    kind: 'one',
    accepts: (character) => ranges.some(([low, high]) => low <= character && character <= high) !== isNegated,
  };
}
