import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Sha256 } from '../../../server/domain/ids.ts';
import { parsePointer, writePointer } from '../../../server/domain/lfs.ts';

const OID = 'a1'.repeat(32) as Sha256;
const VERSION = 'version https://git-lfs.github.com/spec/v1\n';
const parse = (text: string) => parsePointer(Buffer.from(text));

test('every pointer that is written is read back', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (sizeBytes) => {
      const pointer = { sha256: OID, sizeBytes };
      expect(parse(writePointer(pointer))).toEqual(pointer);
    }),
  );
});

test.each([
  ['another version', `version https://git-lfs.github.com/spec/v2\noid sha256:${OID}\nsize 1\n`],
  ['line ends of Windows', `${VERSION}oid sha256:${OID}\nsize 1\n`.replaceAll('\n', '\r\n')],
  ['another key', `${VERSION}ext-0-x sha256:${OID}\noid sha256:${OID}\nsize 1\n`],
  ['a key at the end', `${VERSION}oid sha256:${OID}\nsize 1\nx y\n`],
  ['no end of line', `${VERSION}oid sha256:${OID}\nsize 1`],
  ['a blank line', `${VERSION}\noid sha256:${OID}\nsize 1\n`],
  ['another order', `oid sha256:${OID}\n${VERSION}size 1\n`],
  ['another hash', `${VERSION}oid sha1:${OID}\nsize 1\n`],
  ['a short oid', `${VERSION}oid sha256:${OID.slice(1)}\nsize 1\n`],
  ['an oid in capitals', `${VERSION}oid sha256:${OID.toUpperCase()}\nsize 1\n`],
  ['a negative size', `${VERSION}oid sha256:${OID}\nsize -1\n`],
  ['a size with a zero in front', `${VERSION}oid sha256:${OID}\nsize 01\n`],
  ['a size beyond all numbers', `${VERSION}oid sha256:${OID}\nsize 9007199254740993\n`],
  ['nothing', ''],
  ['much text', `${VERSION}${'x'.repeat(2000)}`],
])('a text with %s is a plain file', (_, text) => {
  expect(parse(text)).toBeUndefined();
});
