import { describe, expect, test } from 'vitest';
import { isQuickCard, readCard } from '../../../server/services/cards.ts';
import { processorMs } from '../../support/turns.ts';

const LONG = 'x'.repeat(5000);

describe('a card is read at once', () => {
  test.each([
    ['nothing', ''],
    ['no metadata', `# Card\n${LONG}`],
    ['little metadata', `---\nlicense: mit\n---\n${LONG}`],
    ['a byte order mark and little metadata', `\ufeff\n---\nlicense: mit\n---\n${LONG}`],
  ])('with %s', (_, text) => {
    expect(isQuickCard(text)).toBe(true);
  });

  test.each([
    ['much metadata', `---\na: ${LONG}\n---\n`],
    ['an end that is far away', `---\n${LONG}`],
    ['white space and who knows what after it', `${' '.repeat(5000)}---\n`],
    // Cut where the line goes on, this looks like the end of the metadata.
    ['a line that only seems to be the end', `---\n${'a'.repeat(2048 - 8)}\n--- b\n${LONG}\n---\n`],
  ])('but not with %s', (_, text) => {
    expect(isQuickCard(text)).toBe(false);
  });
});

describe('keys of metadata', () => {
  const errorsOf = (yaml: string) => readCard(`---\n${yaml}\n---\n`).errors;

  test.each([
    ['a: 1\na: 2', 2, 1],
    ['a: 1\nb:\n  c: 1\n  c: 2', 4, 3],
    ['a: {b: 1, "b": 2}', 1, 11],
    ['a: {b: 1, b: 2}\na: 1', 1, 11],
  ])('are unique in %j', (yaml, line, column) => {
    expect(errorsOf(yaml)).toEqual([`bad YAML: Map keys must be unique at line ${line}, column ${column}:`]);
  });

  test('may be those of another mapping', () => {
    expect(errorsOf('a: {b: 1}\nb: {b: 1, a: 2}\n1: x\n"1": y')).toEqual([]);
  });

  test('are many without taking longer and longer', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => `key${index}: 1`).join('\n');
    const spent = await processorMs(() => {
      expect(errorsOf(many)).toEqual([]);
      expect(errorsOf(`a: ${'}'.repeat(20_000)}`)).toHaveLength(1);
    });
    // Half a second; more than ten when every key is compared with all others.
    expect(spent).toBeLessThan(5000);
  });
});
