import fc from 'fast-check';
import type { Oid } from '../../../server/domain/ids.ts';
import { hashObject } from '../../../server/git/objects.ts';

/** Ids of a few blobs that need not exist. */
export const anOid: fc.Arbitrary<Oid> = fc
  .integer({ min: 0, max: 5 })
  .map((n) => hashObject('blob', Buffer.from(String(n))));

/** Names that stress the order: prefixes of each other, bytes below and above `/`, several encodings of a letter. */
export const aName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'a',
    'a-b',
    'a.b',
    'a0',
    'ab',
    'A',
    'b',
    'é',
    'e\u0301',
    'z',
    '日本',
    '🦀',
    'a b',
    'a!',
    '%2F',
    'x~',
  ),
  fc
    .string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', '-', '.', '0', '~', ' ', 'ü') })
    .filter((name) => name !== '.' && name !== '..'),
);

export const aPath: fc.Arbitrary<string> = fc
  .array(aName, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'));

export const aFileMode: fc.Arbitrary<string> = fc.constantFrom('100644', '100755', '120000', '160000');

/** Files by path, without a path that is both a file and a folder. */
export const aFileSet: fc.Arbitrary<ReadonlyMap<string, { mode: string; oid: Oid }>> = fc
  .array(fc.tuple(aPath, aFileMode, anOid), { maxLength: 25 })
  .map((files) => {
    const set = new Map<string, { mode: string; oid: Oid }>();
    for (const [path, mode, oid] of files) {
      const clashes = [...set.keys()].some(
        (other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`),
      );
      if (!clashes) set.set(path, { mode, oid });
    }
    return set;
  });
