import { describe, expect, test } from 'vitest';
import { decodeContent, parseCommitLine } from '../../../server/domain/commit-lines.ts';
import { refusalOf } from './expect-refusal.ts';

const OID = 'ab'.repeat(32);
const COMMIT = '0123456789'.repeat(4);

const parse = (key: unknown, value: unknown) => parseCommitLine(JSON.stringify({ key, value }));
const refusal = (key: unknown, value: unknown) => refusalOf(() => parse(key, value));

describe('lines that clients send', () => {
  test('a header', () => {
    const line = { summary: 'Upload', description: 'text', parentCommit: COMMIT };
    expect(parse('header', line)).toEqual({ kind: 'header', ...line });
    expect(parse('header', { summary: 's', description: null, parentCommit: null })).toEqual({
      kind: 'header',
      summary: 's',
      description: '',
      parentCommit: undefined,
    });
  });

  test('a regular file, in base64 or as text', () => {
    const path = 'a/b.txt';
    const content = Buffer.from('héllo');
    const base64 = { content: content.toString('base64'), encoding: 'base64' } as const;
    const text = { content: 'héllo', encoding: 'utf-8' } as const;
    const empty = { content: '', encoding: 'base64' } as const;
    expect(parse('file', { path, ...base64 })).toEqual({ kind: 'file', path, ...base64 });
    expect(parse('file', { path, ...text })).toEqual({ kind: 'file', path, ...text });
    expect(parse('file', { path, content: 'héllo' })).toEqual({ kind: 'file', path, ...text });
    expect(parse('file', { path, ...empty })).toEqual({ kind: 'file', path, ...empty });
    expect(decodeContent(base64)).toEqual(content);
    expect(decodeContent(text)).toEqual(content);
    expect(decodeContent(empty)).toEqual(Buffer.alloc(0));
  });

  test('a large file, with its size or without', () => {
    const line = { kind: 'lfs-file', path: 'm.bin', sha256: OID };
    expect(parse('lfsFile', { path: 'm.bin', algo: 'sha256', oid: OID, size: 0 })).toEqual({
      ...line,
      sizeBytes: 0,
    });
    expect(parse('lfsFile', { path: 'm.bin', algo: 'sha256', oid: OID })).toEqual({
      ...line,
      sizeBytes: undefined,
    });
  });

  test('a copy', () => {
    expect(parse('copyFile', { path: 'b', srcPath: 'a', srcRevision: 'v1' })).toEqual({
      kind: 'copy',
      path: 'b',
      from: 'a',
      fromRevision: 'v1',
    });
    expect(parse('copyFile', { path: 'b', srcPath: 'a' })).toMatchObject({ fromRevision: undefined });
  });

  test('deletions', () => {
    expect(parse('deletedFile', { path: 'a' })).toEqual({ kind: 'delete-file', path: 'a' });
    expect(parse('deletedFolder', { path: 'a/' })).toEqual({ kind: 'delete-folder', path: 'a' });
  });

  test('members that are not known change nothing', () => {
    const line = {
      path: 'a',
      content: 'x',
      encoding: 'utf-8',
      mode: '120000',
      author: 'eve',
      constructor: 1,
    };
    expect(parse('file', line)).toEqual({ kind: 'file', path: 'a', content: 'x', encoding: 'utf-8' });
  });
});

describe('lines that are refused', () => {
  test.each([
    ['no object', [null, 1, 'x', [], true].map((line) => JSON.stringify(line))],
    [
      'no key',
      [
        '{}',
        '{"value":{}}',
        '{"key":1,"value":{}}',
        '{"key":"nope","value":{}}',
        '{"key":"toString","value":{}}',
      ],
    ],
    [
      'no value',
      [
        '{"key":"file"}',
        '{"key":"file","value":null}',
        '{"key":"file","value":[]}',
        '{"key":"file","value":"x"}',
      ],
    ],
    ['one member twice', ['{"key":"file","key":"header","value":{}}']],
    ['a member that changes objects', ['{"__proto__":{},"key":"file","value":{}}']],
  ])('%s', (_, lines) => {
    for (const line of lines)
      expect(
        refusalOf(() => parseCommitLine(line)),
        line,
      ).toBe('InvalidBody');
  });

  test('headers', () => {
    for (const summary of [undefined, null, '', '  ', 1, ['a'], 'a\0b', '\ud800']) {
      expect(refusal('header', { summary })).toBe('InvalidBody');
    }
    for (const description of [1, {}, 'a\0b', '\udc00']) {
      expect(refusal('header', { summary: 's', description })).toBe('InvalidBody');
    }
    expect(parse('header', { summary: 's', parentCommit: COMMIT.slice(0, 7) })).toMatchObject({
      parentCommit: COMMIT.slice(0, 7),
    });
    for (const parentCommit of [
      '',
      COMMIT.slice(0, 6),
      COMMIT.toUpperCase().replace('0', 'A'),
      `${COMMIT}0`,
      'main',
      1,
    ]) {
      expect(refusal('header', { summary: 's', parentCommit })).toBe('InvalidBody');
    }
    expect(refusal('header', { summary: 'x'.repeat(5000) })).toBe('BodyTooLarge');
    expect(refusal('header', { summary: 's', description: 'x'.repeat(70_000) })).toBe('BodyTooLarge');
  });

  test('contents', () => {
    for (const content of [null, undefined, 1, {}])
      expect(refusal('file', { path: 'a', content })).toBe('InvalidBody');
    for (const encoding of ['gzip', 'BASE64', 'utf8', null, 1]) {
      expect(refusal('file', { path: 'a', content: 'YQ==', encoding })).toBe('InvalidBody');
    }
    expect(refusalOf(() => decodeContent({ content: '\ud800', encoding: 'utf-8' }))).toBe('InvalidContent');
    expect(refusalOf(() => decodeContent({ content: 'YQ', encoding: 'base64' }))).toBe('InvalidContent');
    expect(refusal('file', { path: '../a', content: '' })).toBe('InvalidPath');
    expect(refusal('file', { content: '' })).toBe('InvalidBody');
  });

  test('large files', () => {
    const line = { path: 'm.bin', algo: 'sha256', oid: OID, size: 1 };
    for (const algo of ['md5', 'SHA256', undefined, null])
      expect(refusal('lfsFile', { ...line, algo })).toBe('InvalidBody');
    const oids = [
      OID.toUpperCase(),
      OID.slice(1),
      `${OID}0`,
      'g'.repeat(64),
      `sha256:${OID}`,
      '../../x',
      '１'.repeat(64),
    ];
    for (const oid of [...oids, null, 1, undefined])
      expect(refusal('lfsFile', { ...line, oid })).toBe('InvalidOid');
    for (const size of [-1, 1.5, '5', 2 ** 53, null, {}])
      expect(refusal('lfsFile', { ...line, size })).toBe('InvalidSize');
    const infinite = `{"key":"lfsFile","value":{"path":"m","algo":"sha256","oid":"${OID}","size":1e400}}`;
    expect(refusalOf(() => parseCommitLine(infinite))).toBe('InvalidSize');
  });

  test('copies and deletions', () => {
    expect(refusal('copyFile', { path: 'a' })).toBe('InvalidBody');
    expect(refusal('copyFile', { path: 'a', srcPath: '../b' })).toBe('InvalidPath');
    expect(refusal('copyFile', { path: 'a', srcPath: 'b', srcRevision: '' })).toBe('InvalidBody');
    expect(refusal('copyFile', { path: 'a', srcPath: 'b', srcRevision: 1 })).toBe('InvalidBody');
    expect(refusal('deletedFile', {})).toBe('InvalidBody');
    for (const path of ['', '/', '.']) expect(refusal('deletedFolder', { path })).toBe('InvalidPath');
  });
});
