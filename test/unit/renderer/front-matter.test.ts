import { describe, expect, test } from 'vitest';
import { readCardFacts, splitFrontMatter } from '../../../renderer/card/front-matter.ts';

describe('splitting a card', () => {
  test('front matter is between two lines of dashes at the very top', () => {
    expect(splitFrontMatter('---\nlicense: mit\n---\n# Title\n')).toEqual({
      yaml: 'license: mit',
      markdown: '# Title\n',
    });
  });

  test('a byte order mark and Windows line ends do not hide it', () => {
    const { yaml, markdown } = splitFrontMatter('\uFEFF---\r\nlicense: mit\r\n---\r\nText');
    expect(yaml?.trim()).toBe('license: mit');
    expect(markdown).toBe('Text');
  });

  test('empty front matter is front matter', () => {
    expect(splitFrontMatter('---\n---\nText')).toEqual({ yaml: '', markdown: 'Text' });
  });

  test.each(['# Title\n\n---\nlicense: mit\n---\n', '----\na: 1\n----\n', '---\nnever closed\n'])(
    'anything else is all text: %j',
    (text) => {
      expect(splitFrontMatter(text)).toEqual({ yaml: undefined, markdown: text });
    },
  );
});

describe('reading its facts', () => {
  test('a map becomes facts', async () => {
    expect(await readCardFacts('license: mit\nlanguage: [nn, nb]\n')).toEqual({
      facts: { license: 'mit', language: ['nn', 'nb'] },
      problem: undefined,
    });
  });

  test('a fault is told with its line and column in the file', async () => {
    const { facts, problem } = await readCardFacts('license: mit\ntags: [a, b\nlanguage: en\n');
    expect(facts).toEqual({});
    expect(problem).toMatchObject({ line: 4, column: 1 });
    expect(problem?.message).not.toContain('at line');
  });

  test('what is no map has no facts', async () => {
    expect((await readCardFacts('- one\n- two\n')).facts).toEqual({});
    expect((await readCardFacts(undefined)).facts).toEqual({});
  });
});
