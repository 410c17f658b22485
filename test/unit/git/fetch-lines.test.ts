import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { createFetchRequestReader } from '../../../server/git/fetch-request.ts';
import { parseFilterSpec } from '../../../server/git/filter-spec.ts';
import { answerRefs, createRefsQuestionReader } from '../../../server/git/ls-refs.ts';
import { advertiseRefs } from '../../../server/git/ref-advertisement.ts';
import { parseCapabilities } from '../../../server/git/wire-capabilities.ts';

const oid = (digit: string): Oid => digit.repeat(40) as Oid;
const invalid = expect.objectContaining({ code: 'InvalidRequest' }) as Error;

describe('a filter', () => {
  it.each([
    ['blob:none', { blobBytes: 0, depth: Infinity }],
    ['blob:limit=0', { blobBytes: 0, depth: Infinity }],
    ['blob:limit=1024', { blobBytes: 1024, depth: Infinity }],
    ['blob:limit=3k', { blobBytes: 3072, depth: Infinity }],
    ['blob:limit=2M', { blobBytes: 2 * 2 ** 20, depth: Infinity }],
    ['blob:limit=5g', { blobBytes: 5 * 2 ** 30, depth: Infinity }],
    ['tree:0', { blobBytes: Infinity, depth: 0 }],
    ['tree:64', { blobBytes: Infinity, depth: 64 }],
    ['combine:blob:none+tree:2', { blobBytes: 0, depth: 2 }],
    ['combine:tree%3a3+blob%3Alimit%3D2k+tree:1+tree:9', { blobBytes: 2048, depth: 1 }],
    ['combine:blob:none', { blobBytes: 0, depth: Infinity }],
  ])('%s is read', (spec, filter) => expect(parseFilterSpec(spec)).toEqual(filter));

  it.each([
    ...['', 'blob', 'blob:', 'blob:none ', 'Blob:none', 'blob:limit=', 'blob:limit=-1', 'blob:limit=1.5'],
    ...['blob:limit=1t', 'blob:limit=1kk', 'blob:limit=99999999999999999999', 'blob:limit=999999999999999g'],
    ...[
      'tree:',
      'tree:-1',
      'tree:65',
      'tree:99999',
      'tree:0x1',
      'tree:1e1',
      'object:type=blob',
      'sparse:oid=main',
    ],
    ...['sparse:path=/x', `combine:${'blob:none+'.repeat(1000)}tree:0`, 'x\u0000'],
    ...['combine:', 'combine:+', 'combine:tree:1+', 'combine:tree:1 tree:2', 'combine:tree%3', 'combine:%ff'],
    ...['combine:tree:1+sparse:oid=main', 'combine:combine:tree:1', `combine:${'tree:1+'.repeat(16)}tree:0`],
  ])('%j is refused', (spec) => expect(() => parseFilterSpec(spec)).toThrow(invalid));
});

describe('lines of a fetch', () => {
  const read = (...lines: readonly string[]) => {
    const reader = createFetchRequestReader();
    for (const line of lines) expect(reader.take(line), line).toBe(true);
    return reader.request();
  };

  it('name each id once, in any case of letters', () => {
    const { wants, haves, shallow } = read(
      ...[`want ${oid('a')}`, `want ${oid('A')}`, `want ${oid('b')}`],
      ...[`have ${oid('c')}`, `shallow ${oid('d')}`, `shallow ${oid('d')}`],
    );
    expect([[...wants], [...haves], [...shallow]]).toEqual([[oid('a'), oid('b')], [oid('c')], [oid('d')]]);
  });

  it('say where history shall end', () => {
    expect(read().deepening).toBeUndefined();
    expect(read('deepen 3').deepening).toEqual({ kind: 'depth', depth: 3, isRelative: false });
    expect(read('deepen 2147483647').deepening).toMatchObject({ depth: 2_147_483_647 });
    expect(
      read('deepen-since 1700000000', 'deepen-not v1', 'deepen-not v1', 'deepen-not v2').deepening,
    ).toEqual({ kind: 'limits', since: 1_700_000_000, not: ['v1', 'v2'] });
    const reader = createFetchRequestReader();
    reader.take('deepen 1');
    reader.deepenRelatively();
    expect(reader.request().deepening).toEqual({ kind: 'depth', depth: 1, isRelative: true });
  });

  it.each(['', 'done', 'want', 'wants x', 'toString x', '__proto__ x', 'WANT x', ' want x'])(
    'of other sorts are left to others: %j',
    (line) => expect(createFetchRequestReader().take(line)).toBe(false),
  );

  it.each([
    ...[
      'want ',
      'want x',
      `want ${'a'.repeat(39)}`,
      `want ${'a'.repeat(41)}`,
      `want ${oid('g')}`,
      `have  ${oid('a')}`,
    ],
    ...[
      `shallow ${oid('a')} `,
      'deepen ',
      'deepen 0',
      'deepen -1',
      'deepen +1',
      'deepen 1.0',
      'deepen 2147483648',
    ],
    ...['deepen-since 0', 'deepen-since now', 'deepen-since 99999999999999999', 'filter tree:x'],
  ])('that are wrong are refused: %j', (line) => {
    expect(() => createFetchRequestReader().take(line)).toThrow(invalid);
  });

  it('may not ask for the same ref twice, nor for depth and date together', () => {
    const reader = createFetchRequestReader();
    reader.take('want-ref refs/heads/main');
    expect(() => reader.take('want-ref refs/heads/main')).toThrow(invalid);
    reader.take('deepen 1');
    reader.take('deepen-not main');
    expect(() => reader.request()).toThrow(invalid);
  });

  it('may not name refs without end', () => {
    const reader = createFetchRequestReader();
    expect(() => {
      for (let n = 0; n < 2000; n++) reader.take(`deepen-not ${n}`);
    }).toThrow(invalid);
    const wanting = createFetchRequestReader();
    const name = 'x'.repeat(1000);
    // As many as a clone of a large repository names.
    for (let n = 0; n < 10_000; n++) wanting.take(`want-ref refs/tags/${n}/${name}`);
    expect(wanting.request().wantRefs.size).toBe(10_000);
    expect(() => {
      for (let n = 0; n < 10_000; n++) wanting.take(`want-ref refs/heads/${n}/${name}`);
    }).toThrow(invalid);
  });
});

describe('refs', () => {
  const refs = [
    { name: 'refs/heads/main', target: oid('1') },
    { name: 'refs/tags/v1', target: oid('2'), peeled: oid('1') },
  ];
  const ask = (...lines: readonly string[]): string[] => {
    const reader = createRefsQuestionReader();
    for (const line of lines) reader.take(line);
    return [...answerRefs(reader.question(), refs, 'refs/heads/main')];
  };

  it('are listed by plain prefixes', () => {
    expect(ask()).toHaveLength(3);
    expect(ask('ref-prefix refs/heads/m', 'ref-prefix refs/heads/main')).toEqual([
      `${oid('1')} refs/heads/main\n`,
    ]);
    expect(ask('ref-prefix refs/heads/main2')).toEqual([]);
    expect(ask('ref-prefix ')).toHaveLength(3);
    expect(ask('peel', 'ref-prefix refs/t')).toEqual([`${oid('2')} refs/tags/v1 peeled:${oid('1')}\n`]);
    expect(() => ask('prefix x')).toThrow(invalid);
  });

  it('that are not born yet are told to those who ask for them', () => {
    const unborn = (...lines: readonly string[]): string[] => {
      const reader = createRefsQuestionReader();
      for (const line of lines) reader.take(line);
      return [...answerRefs(reader.question(), [], 'refs/heads/main')];
    };
    expect(unborn('symrefs', 'unborn')).toEqual(['unborn HEAD symref-target:refs/heads/main\n']);
    expect(unborn('unborn')).toEqual([]);
    expect(unborn('symrefs')).toEqual([]);
    expect(unborn('symrefs', 'unborn', 'ref-prefix refs/')).toEqual([]);
  });

  it('are advertised with capabilities behind the first, or in its place', async () => {
    const text = (bytes: Buffer): string => bytes.toString('latin1');
    expect(text(await advertiseRefs([], ['a', 'b=c'], 0))).toBe(
      `0043${'0'.repeat(40)} capabilities^{}\0a b=c\n0000`,
    );
    const lines = text(await advertiseRefs(refs, ['a'], 1)).split('\n');
    expect(lines).toEqual([
      '000eversion 1',
      `003f${oid('1')} refs/heads/main\0a`,
      `003a${oid('2')} refs/tags/v1`,
      `003d${oid('1')} refs/tags/v1^{}`,
      '0000',
    ]);
  });
});

describe('capabilities', () => {
  it('are words with values or without', () => {
    const parsed = parseCapabilities(' multi_ack  agent=git/2=x object-format=sha1 symref=HEAD:x');
    expect([...parsed]).toEqual([
      ['multi_ack', ''],
      ['agent', 'git/2=x'],
      ['object-format', 'sha1'],
      ['symref', 'HEAD:x'],
    ]);
    expect(() => parseCapabilities('object-format=sha256')).toThrow(invalid);
  });
});
