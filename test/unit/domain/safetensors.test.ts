import { describe, expect, test } from 'vitest';
import {
  addTotals,
  parseSafetensorsHeader,
  parseSafetensorsIndex,
  safetensorsHeaderLength,
} from '../../../server/domain/safetensors.ts';
import { safetensorsFile, safetensorsHeader } from '../../support/tensor-files.ts';

const totals = (header: unknown) =>
  parseSafetensorsHeader(Buffer.from(typeof header === 'string' ? header : JSON.stringify(header)));
const tensor = (more: object = {}) => ({ dtype: 'F32', shape: [2, 3], data_offsets: [0, 24], ...more });

describe('safetensors', () => {
  test('say how long their header is', () => {
    const file = safetensorsFile({ a: { dtype: 'F32', shape: [2, 3] } });
    const length = safetensorsHeaderLength(file.subarray(0, 8), file.length) ?? 0;
    expect(totals(file.subarray(8, 8 + length).toString())).toEqual({ parameters: { F32: 6 }, total: 6 });
  });

  test.each([
    ['shorter than its length', Buffer.alloc(7), 7],
    ['with a header longer than itself', safetensorsHeader('{}', 100), 10],
    ['with a header of petabytes', safetensorsHeader('{}', 2 ** 52), 2 ** 53],
    ['with no header at all', safetensorsHeader('', 0), 8],
    ['that is text', Buffer.from('hello, world'), 12],
  ])('a file %s is none', (_, start, size) => {
    expect(safetensorsHeaderLength(start, size)).toBeUndefined();
  });

  test('are counted by type', () => {
    expect(
      totals({
        __metadata__: { format: 'pt' },
        a: tensor(),
        b: tensor({ dtype: 'BF16', shape: [] }),
        c: tensor(),
      }),
    ).toEqual({ parameters: { F32: 12, BF16: 1 }, total: 13 });
    expect(totals({})).toEqual({ parameters: {}, total: 0 });
    expect(totals(`{"a":${JSON.stringify(tensor({ shape: [0, 5] }))}}   `)).toEqual({
      parameters: { F32: 0 },
      total: 0,
    });
  });

  test.each([
    ['no JSON', '{'],
    ['a list', []],
    ['a text', '"x"'],
    ['deep', '['.repeat(100_000)],
    ['a tensor that is no object', { a: 1 }],
    ['no type', { a: tensor({ dtype: 5 }) }],
    ['a type that is a sentence', { a: tensor({ dtype: 'not a type' }) }],
    ['a negative size', { a: tensor({ shape: [-1] }) }],
    ['half a size', { a: tensor({ shape: [0.5] }) }],
    ['sizes that overflow', { a: tensor({ shape: [2 ** 40, 2 ** 40] }) }],
    [
      'a sum that overflows',
      { a: tensor({ shape: [2 ** 52] }), b: tensor({ shape: [2 ** 52] }), c: tensor({ shape: [2 ** 52] }) },
    ],
    ['no offsets', { a: { dtype: 'F32', shape: [1] } }],
    ['offsets that are texts', { a: tensor({ data_offsets: ['0', '4'] }) }],
    [
      'types without end',
      Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`t${i}`, tensor({ dtype: `T${i}` })])),
    ],
  ])('a header with %s says nothing', (_, header) => {
    expect(totals(header)).toBeUndefined();
  });

  test('of several files are added', () => {
    expect(
      addTotals([
        { parameters: { F32: 1, I8: 2 }, total: 3 },
        { parameters: { F32: 4 }, total: 4 },
      ]),
    ).toEqual({
      parameters: { F32: 5, I8: 2 },
      total: 7,
    });
    const huge = { parameters: { F32: Number.MAX_SAFE_INTEGER }, total: Number.MAX_SAFE_INTEGER };
    expect(addTotals([huge, huge])).toBeUndefined();
  });

  test('an index names its files once, in order', () => {
    const index = {
      metadata: { total_size: 5 },
      weight_map: { a: 'b.safetensors', b: 'a.safetensors', c: 'b.safetensors' },
    };
    expect(parseSafetensorsIndex(Buffer.from(JSON.stringify(index)))).toEqual({
      shards: ['a.safetensors', 'b.safetensors'],
      metadata: { total_size: 5 },
    });
    for (const wrong of [
      '',
      '[]',
      '{}',
      '{"weight_map":[]}',
      '{"weight_map":{"a":1}}',
      '{"weight_map":null}',
    ]) {
      expect(parseSafetensorsIndex(Buffer.from(wrong))).toBeUndefined();
    }
  });
});
