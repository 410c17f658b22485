export type SnippetLanguage = 'shell' | 'powershell' | 'python' | 'text';

/** Lines to copy, with the name of what they are for. */
export interface Snippet {
  readonly title: string;
  readonly language: SnippetLanguage;
  readonly code: string;
}

/** A run of code in one tone. Three tones only: words of the language, strings, and what is said beside. */
export interface Tone {
  readonly text: string;
  readonly tone: 'plain' | 'word' | 'string' | 'call' | 'comment';
}

const PATTERNS: Readonly<Record<SnippetLanguage, RegExp | undefined>> = {
  shell:
    /(?<comment>(?<=^|\s)#.*)|(?<string>"[^"\n]*"|'[^'\n]*'|https?:\/\/[^\s'"]+|hf_[\w…]+)|(?<word>\b(?:export)\b)/gm,
  powershell: /(?<comment>(?<=^|\s)#.*)|(?<string>"[^"\n]*"|hf_[\w…]+)|(?<word>\$env:\w+|\bsetx\b)/gm,
  python:
    /(?<comment>#.*)|(?<string>"[^"\n]*"|'[^'\n]*')|(?<word>\b(?:from|import|as|True|False|None|for|in|print)\b)|(?<call>\b[a-z_]\w*(?=\())/gm,
  text: undefined,
};

/** Splits the short snippets this page makes into tones. Made for these snippets, not for any program. */
export function highlight(code: string, language: SnippetLanguage): readonly Tone[] {
  const pattern = PATTERNS[language];
  if (pattern === undefined) return [{ text: code, tone: 'plain' }];
  const tones: Tone[] = [];
  let done = 0;
  for (const match of code.matchAll(pattern)) {
    if (match.index > done) tones.push({ text: code.slice(done, match.index), tone: 'plain' });
    const groups = match.groups ?? {};
    const tone = (['comment', 'string', 'word', 'call'] as const).find((name) => groups[name] !== undefined);
    tones.push({ text: match[0], tone: tone ?? 'plain' });
    done = match.index + match[0].length;
  }
  if (done < code.length) tones.push({ text: code.slice(done), tone: 'plain' });
  return tones;
}
