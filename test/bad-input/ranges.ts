import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';
import { blobIdOf } from '../support/scenario.ts';
import { each, one, row, type Row, type Send } from './cases.ts';
import { HELD } from './world.ts';

const PLAIN = '0123456789';
const get =
  (path: string, headers: Readonly<Record<string, string>>, method = 'GET'): Send =>
  ({ repo }) =>
    repo.resolve('main', path, headers, method);
const ranged = (range: string, path = 'plain.txt'): Send => get(path, { range });
const whole = {
  check: ({ text, headers }: Answer) => expect([text, headers['content-range']]).toEqual([PLAIN, undefined]),
};
const wholeLarge = { check: ({ body }: Answer) => expect(body.equals(HELD)).toBe(true) };
const outOf = (size: number) => ({
  check: ({ headers }: Answer) => expect(headers['content-range']).toBe(`bytes */${size}`),
});
const noCoding = { check: ({ headers }: Answer) => expect(headers['content-encoding']).toBeUndefined() };

const MALFORMED = [
  'bytes=abc',
  'bytes=',
  'bytes=5-2',
  'bytes=--5',
  'items=0-1',
  'bytes',
  'bytes=0x0-1',
  'bytes=1-2-3',
  'bytes=+1-2',
  'bytes=\u0661-2',
];
const THOUSAND = `bytes=${Array.from({ length: 1_000 }, (_, index) => `${index}-${index}`).join(',')}`;
const ETAG = `"${blobIdOf(Buffer.from(PLAIN))}"`;

/** Section 3.9, on a file that git keeps and on a large one. */
export const RANGES: readonly Row[] = [
  row('B-177', 'ranges that are none', [
    ...each(
      '200',
      MALFORMED.filter((range) => /^[\x20-\x7e]*$/.test(range)),
      (range) => ranged(range),
      whole,
    ),
    ...each('200', ['bytes=abc', 'items=0-1'], (range) => ranged(range, 'held.bin'), wholeLarge),
  ]),
  row('B-178', 'ranges behind the end', [
    ...each(
      '416 BadRange',
      ['bytes=10-', 'bytes=99999999999999999999-', 'bytes=10-20'],
      (range) => ranged(range),
      outOf(10),
    ),
    ...each(
      '416 BadRange',
      ['bytes=20000-', 'bytes=99999999999999999999-'],
      (range) => ranged(range, 'held.bin'),
      outOf(HELD.length),
    ),
  ]),
  row('B-179', 'the last nothing', [
    one('416 BadRange', 'of a file', ranged('bytes=-0'), outOf(10)),
    one('416 BadRange', 'of a large file', ranged('bytes=-0', 'held.bin'), outOf(HELD.length)),
  ]),
  row('B-180', 'an empty file', [
    ...each(
      '416 BadRange',
      ['bytes=0-', 'bytes=-1', 'bytes=0-1', 'bytes=5-'],
      (range) => ranged(range, 'empty'),
      outOf(0),
    ),
    // What @huggingface/hub asks of a file it knows nothing of; it takes 416 for a failure (contract 2.3).
    one('200', 'bytes=0-0', ranged('bytes=0-0', 'empty'), outOf(0)),
  ]),
  row('B-181', 'several ranges', [
    ...each(
      '200',
      ['bytes=0-1,3-4', 'bytes=0-9,0-9', 'bytes=0-0,-1', THOUSAND],
      (range) => ranged(range),
      whole,
    ),
    ...each('200', ['bytes=0-1,3-4', THOUSAND], (range) => ranged(range, 'held.bin'), wholeLarge),
  ]),
  row('B-182', 'If-Range', [
    ...each(
      '200',
      ['"other"', `W/${ETAG}`, 'Wed, 21 Oct 2015 07:28:00 GMT', ''],
      (tag) => get('plain.txt', { range: 'bytes=0-1', 'if-range': tag }),
      whole,
    ),
    one('206', 'the tag of the file', get('plain.txt', { range: 'bytes=0-1', 'if-range': ETAG })),
  ]),
  row('B-183', 'If-None-Match', [
    ...each('304', ['*', ETAG, `W/${ETAG}`, `"a", ${ETAG}`, `W/"a",W/${ETAG} `], (tag) =>
      get('plain.txt', { 'if-none-match': tag }),
    ),
    ...each('200', ['"a"', 'x', '', '**'], (tag) => get('plain.txt', { 'if-none-match': tag }), whole),
    one('404 EntryNotFound', 'of what is not there', get('missing', { 'if-none-match': '*' })),
  ]),
  row('B-184', 'other methods', [
    one('206', 'HEAD with a range', get('plain.txt', { range: 'bytes=0-1' }, 'HEAD'), {
      check: ({ headers, body }) => expect([headers['content-length'], body.length]).toEqual(['2', 0]),
    }),
    one('416', 'HEAD behind the end', get('plain.txt', { range: 'bytes=10-' }, 'HEAD'), outOf(10)),
    one('405 MethodNotAllowed', 'POST', get('plain.txt', { range: 'bytes=0-1' }, 'POST')),
    one(
      '200',
      'a range on a POST that is answered',
      ({ repo }) =>
        repo.api('POST', 'paths-info/main', {
          headers: { range: 'bytes=0-1' },
          body: { paths: ['plain.txt'] },
        }),
      { check: (answer) => expect(answer.json<unknown[]>()).toHaveLength(1) },
    ),
  ]),
  row('B-185', 'content codings', [
    ...each(
      '200',
      ['gzip', 'br, gzip', 'gzip;q=1, identity;q=0', '*'],
      (coding) => get('plain.txt', { 'accept-encoding': coding }),
      noCoding,
    ),
    one('206', 'of a range', get('held.bin', { 'accept-encoding': 'gzip', range: 'bytes=0-9' }), noCoding),
  ]),
];
