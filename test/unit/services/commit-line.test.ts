import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeContent, parseCommitLine } from '../../../server/domain/commit-lines.ts';
import { isHubError } from '../../../server/domain/errors.ts';
import { decodeLine } from '../../../server/services/body-lines.ts';
import { readCommitLine } from '../../../server/services/commit-line.ts';

const LARGE_BYTES = 300_000;
/** Longer than a string has to be for its line to be read in pieces. */
const LARGE = randomBytes(LARGE_BYTES).toString('base64');
const LONG_TEXT = 'x'.repeat(LARGE.length);

/** As a line is read that has no long string. */
function readWhole(line: Buffer): unknown {
  const parsed = parseCommitLine(decodeLine(line, 1));
  return parsed.kind === 'file'
    ? { kind: 'file', path: parsed.path, content: decodeContent(parsed) }
    : parsed;
}

async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if (isHubError(error)) return error.code;
    throw error;
  }
}

const file = (value: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ key: 'file', value: { path: 'a.bin', encoding: 'base64', ...value } });

/** With another text in place of a few characters in the middle of the content. */
const spoiled = (text: string): string => LARGE.slice(0, 150_000) + text + LARGE.slice(150_000 + text.length);

describe('a line with a long string is read as any other', () => {
  test.each<readonly [what: string, line: string]>([
    ['a file', file({ content: LARGE })],
    ...[1, 2, 3].map(
      (more) =>
        [
          `a file of ${more} more bytes`,
          file({ content: randomBytes(LARGE_BYTES + more).toString('base64') }),
        ] as const,
    ),
    ['a file that ends a piece', file({ content: randomBytes(48 * 1024 * 7).toString('base64') })],
    [
      'its members in another order',
      `{ "value" : { "content" : "${LARGE}", "encoding": "base64" , "path":"a\\"b" }, "key":"file" }`,
    ],
    ['a member nobody knows', file({ content: LARGE, 'a "quote"\\': '\\' })],
    ['slashes with escapes', file({ content: LARGE }).replaceAll('/', '\\/')],
    ['a text', file({ content: LONG_TEXT.replaceAll('xx', 'é"'), encoding: 'utf-8' })],
    ['a text that could be base64', file({ content: LARGE, encoding: 'utf-8' })],
    ['a text without encoding', JSON.stringify({ key: 'file', value: { path: 'a', content: LARGE } })],
    ['an encoding nobody knows', file({ content: LARGE, encoding: 'gzip' })],
    ['a long encoding', file({ content: 'YQ==', encoding: LONG_TEXT })],
    ['a long member beside the content', file({ author: LONG_TEXT, content: 'YQ==' })],
    ['two long members', file({ author: LONG_TEXT, content: LARGE })],
    ['a content within another member', file({ author: { content: LARGE }, content: 'YQ==' })],
    [
      'two contents',
      `{"key":"file","value":{"path":"a","encoding":"base64","content":"${LARGE}","content":"YQ=="}}`,
    ],
    ['a long path', file({ path: LONG_TEXT, content: 'YQ==' })],
    ['a path out of the repository', file({ path: '../a', content: LARGE })],
    ['a long key', JSON.stringify({ key: LONG_TEXT, value: {} })],
    ['a long name of a member', JSON.stringify({ [LONG_TEXT]: 1, key: 'file' })],
    ['a long summary', JSON.stringify({ key: 'header', value: { summary: 's', description: LONG_TEXT } })],
    ['many strings first', file({ tags: Array(200).fill('"'), content: LARGE })],
    ['nothing but quotes', '"'.repeat(LARGE.length)],
    ['nothing but backslashes', `"${'\\'.repeat(LARGE.length)}"`],
    ['an end that is missing', file({ content: LARGE }).slice(0, -30)],
    ['half of its braces', file({ content: LARGE }).slice(0, -1)],
    ['padding in the middle', file({ content: spoiled('==') })],
    ['padding at the end of a piece', file({ content: `${LARGE.slice(0, 65_535)}=${LARGE.slice(65_536)}` })],
    ['three signs of padding', file({ content: `${LARGE.slice(0, -3)}===` })],
    ['a space', file({ content: spoiled(' ') })],
    ['a digit too few', file({ content: LARGE.slice(1) })],
    ['the alphabet of URLs', file({ content: spoiled('-') })],
    ['an escape', file({ content: spoiled('\n') })],
    ['a letter beyond ASCII', file({ content: spoiled('é') })],
  ])('%s', async (_, text) => {
    const line = Buffer.from(text);
    expect(await outcome(() => readCommitLine(line, 1))).toEqual(await outcome(() => readWhole(line)));
  });

  test('and gives the bytes that were sent, in memory of their own', async () => {
    const line = await readCommitLine(Buffer.from(file({ content: LARGE })), 1);
    const content = line.kind === 'file' ? line.content : Buffer.alloc(0);
    expect(content.equals(Buffer.from(LARGE, 'base64'))).toBe(true);
    expect(content.buffer.byteLength).toBe(LARGE_BYTES);
  });
});
