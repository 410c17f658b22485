import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../../server/domain/json-text.ts';
import { processorMs } from '../../support/turns.ts';
import { refusalOf } from './expect-refusal.ts';

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(3), (value, spaces) => {
      const text = JSON.stringify(value, undefined, spaces);
      // Arbitrary values may have the one member that is refused.
      fc.pre(!text.includes('__proto__'));
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test.each([
  [
    'two members of a name',
    ['{"a":1,"a":1}', '{"a":{"b":1},"a":2}', '{"a":1,"\\u0061":2}', '[{"x":[],"x":0}]'],
  ],
  ['a member that changes objects', ['{"__proto__":{}}', '{"a":{"\\u005f_proto__":1}}']],
  ['too deep nesting', ['['.repeat(65) + ']'.repeat(65), '{"a":'.repeat(65) + '1' + '}'.repeat(65)]],
  ['nesting that never ends', ['['.repeat(200_000), '{"a":'.repeat(200_000)]],
  [
    'what is no JSON',
    ['', ' ', '{', '}', '{"a"}', '{a:1}', "{'a':1}", '[1,]', '{"a":1,}', '01', '.5', '+1', 'NaN', 'Infinity'],
  ],
  ['more than one text', ['{} {}', '1 2', '{}x']],
  ['comments', ['{} // a', '/* a */ {}']],
  ['open strings', ['"a', '"a\\"', '{"a":"b', '"\n"']],
])('refuses %s', (_, texts) => {
  for (const text of texts)
    expect(
      refusalOf(() => parseJson(text)),
      text.slice(0, 40),
    ).toBe('InvalidBody');
});

test.each([
  ['{"a":{"a":1},"b":{"a":1}}', { a: { a: 1 }, b: { a: 1 } }],
  ['[{"a":1},{"a":1}]', [{ a: 1 }, { a: 1 }]],
  ['{"a":"a","b":"a"}', { a: 'a', b: 'a' }],
  ['{"a":["a","a","b"],"b":1}', { a: ['a', 'a', 'b'], b: 1 }],
  ['{"a":"{\\"a\\":1,\\"a\\":2}","c":"\\\\"}', { a: '{"a":1,"a":2}', c: '\\' }],
  ['["__proto__"]', ['__proto__']],
])('takes %s', (text, value) => {
  expect(parseJson(text)).toEqual(value);
});

test('a long string of quotes and backslashes takes no longer than any other', async () => {
  const text = JSON.stringify({ a: '"\\'.repeat(1_000_000) });
  expect(await processorMs(() => parseJson(text))).toBeLessThan(1500);
});
