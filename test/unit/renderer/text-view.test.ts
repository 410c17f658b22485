import { describe, expect, test } from 'vitest';
import { layOutJson, LONG_LINE, looksLikeText, shorten } from '../../../renderer/files/text-view.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('what is text', () => {
  test('UTF-8 is, also with a character cut at the end of the first bytes', () => {
    expect(looksLikeText(bytes('plain'))).toBe(true);
    expect(looksLikeText(bytes('語'.repeat(5000)).subarray(0, 7999))).toBe(true);
    expect(looksLikeText(new Uint8Array())).toBe(true);
  });

  test('zero bytes and broken sequences are not', () => {
    expect(looksLikeText(new Uint8Array([104, 0, 105]))).toBe(false);
    expect(looksLikeText(new Uint8Array([0x80, 0x81, 0x82]))).toBe(false);
  });
});

describe('long lines', () => {
  test('are cut where they are too long, and it is said how much is missing', () => {
    const text = `short\n${'x'.repeat(LONG_LINE + 7)}\nend\n`;
    const shown = shorten(text, (characters) => `…${String(characters)}`);
    expect(shown).toMatchObject({ lines: 3, cut: 1 });
    expect(shown.text.split('\n')[1]).toBe(`${'x'.repeat(LONG_LINE)}…7`);
  });

  test('a newline at the end begins no further line', () => {
    expect(shorten('a\nb\n', String).lines).toBe(2);
    expect(shorten('a\nb', String).lines).toBe(2);
  });
});

describe('JSON laid out', () => {
  test('has one entry per line and keeps every token as it is written', () => {
    expect(layOutJson('{"big":12345678901234567890,"a":[1e6,{"b":"x, {y}"}],"e":{},"f":[]}')).toBe(
      [
        '{',
        '  "big": 12345678901234567890,',
        '  "a": [',
        '    1e6,',
        '    {',
        '      "b": "x, {y}"',
        '    }',
        '  ],',
        '  "e": {},',
        '  "f": []',
        '}',
      ].join('\n'),
    );
  });

  test('keeps escapes and says nothing of what is not JSON', () => {
    expect(layOutJson('["a\\"b", true, null]')).toBe('[\n  "a\\"b",\n  true,\n  null\n]');
    expect(layOutJson('{a: 1}')).toBeUndefined();
  });
});
