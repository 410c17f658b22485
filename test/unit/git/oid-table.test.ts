import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hashObject } from '../../../server/git/objects.ts';
import { createOidTable } from '../../../server/git/oid-table.ts';

it('behaves as a set that keeps the order of insertion', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(600), { maxLength: 2000 }), (numbers) => {
      const table = createOidTable();
      const model = new Set<string>();
      for (const n of numbers) {
        const oid = hashObject('blob', Buffer.from(String(n)));
        expect(table.has(oid)).toBe(model.has(oid));
        expect(table.add(oid)).toBe(!model.has(oid));
        model.add(oid);
      }
      expect(table.size).toBe(model.size);
      expect(table.bytes().toString('hex')).toBe([...model].join(''));
    }),
    { numRuns: 30 },
  );
});
