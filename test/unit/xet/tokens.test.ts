import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { NamespaceId, PublicId, XetHash } from '../../../server/domain/ids.ts';
import {
  narrowSignedRange,
  signXetToken,
  signXorbQuery,
  verifyXetToken,
  verifyXorbQuery,
} from '../../../server/xet/tokens.ts';
import type { XetAccess } from '../../../server/xet/tokens.ts';

const key = randomBytes(32);
const access: XetAccess = {
  repository: '0123456789abcdef01234567' as PublicId,
  user: 42 as NamespaceId,
  scope: 'write',
  expiresAt: 1_800_000_000,
};
const now = access.expiresAt - 10;
const xorb = 'ab'.repeat(32) as XetHash;
const other = 'cd'.repeat(32) as XetHash;

const queryOf = (text: string): Record<string, string> => Object.fromEntries(new URLSearchParams(text));

describe('Xet access token', () => {
  it('says what was signed, for users and for anonymous readers', () => {
    expect(verifyXetToken(key, signXetToken(key, access), now)).toEqual(access);
    const anonymous: XetAccess = { ...access, user: undefined, scope: 'read' };
    expect(verifyXetToken(key, signXetToken(key, anonymous), now)).toEqual(anonymous);
  });

  it('is text that needs no escaping in a header or a URL', () => {
    expect(signXetToken(key, access)).toMatch(/^[A-Za-z0-9_.-]+$/);
  });

  it('ends at its expiry', () => {
    const token = signXetToken(key, access);
    expect(verifyXetToken(key, token, access.expiresAt - 1)).toEqual(access);
    expect(verifyXetToken(key, token, access.expiresAt)).toBeUndefined();
  });

  it('is worth nothing under another key', () => {
    expect(verifyXetToken(randomBytes(32), signXetToken(key, access), now)).toBeUndefined();
  });

  it('is worth nothing after any change of any character', () => {
    const token = signXetToken(key, access);
    for (let at = 0; at < token.length; at += 1) {
      for (const replacement of ['A', 'B', '-', '.']) {
        const forged = token.slice(0, at) + replacement + token.slice(at + 1);
        if (forged !== token) expect(verifyXetToken(key, forged, now)).toBeUndefined();
      }
      expect(verifyXetToken(key, token.slice(0, at), now)).toBeUndefined();
    }
    expect(verifyXetToken(key, `${token}A`, now)).toBeUndefined();
    expect(verifyXetToken(key, '', now)).toBeUndefined();
  });

  it('cannot be put together from the payload of one token and the signature of another', () => {
    const reader = signXetToken(key, { ...access, scope: 'read' });
    const writer = signXetToken(key, access);
    const forged = `${writer.split('.')[0]}.${reader.split('.')[1]}`;
    expect(verifyXetToken(key, forged, now)).toBeUndefined();
  });
});

describe('signed xorb query', () => {
  const query = signXorbQuery(key, { xorb, bytes: { start: 100, end: 201 }, expiresAt: access.expiresAt });

  it('gives exactly the bytes it names, until it expires', () => {
    expect(queryOf(query)).toMatchObject({ range: '100-200', expires: '1800000000' });
    expect(verifyXorbQuery(key, xorb, queryOf(query), now)).toEqual({ start: 100, end: 201 });
    expect(verifyXorbQuery(key, xorb, queryOf(query), access.expiresAt)).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>]>([
    ['more bytes', { range: '100-201' }],
    ['earlier bytes', { range: '0-200' }],
    ['a later expiry', { expires: '1900000000' }],
    ['the same range in another spelling', { range: '0100-200' }],
    ['no signature', { signature: undefined }],
    ['an empty signature', { signature: '' }],
    ['a list instead of a text', { range: ['100-200'] }],
    ['words', { range: 'all-of-it' }],
  ])('is worth nothing with %s', (_, change) => {
    expect(verifyXorbQuery(key, xorb, { ...queryOf(query), ...change }, now)).toBeUndefined();
  });

  it('is worth nothing for another xorb or under another key', () => {
    expect(verifyXorbQuery(key, other, queryOf(query), now)).toBeUndefined();
    expect(verifyXorbQuery(randomBytes(32), xorb, queryOf(query), now)).toBeUndefined();
  });

  it('cannot be made of an access token, nor the other way round', () => {
    const [, signature] = signXetToken(key, access).split('.');
    expect(verifyXorbQuery(key, xorb, { ...queryOf(query), signature }, now)).toBeUndefined();
  });
});

describe('narrowSignedRange', () => {
  const signed = { start: 100, end: 200 };

  it('gives everything signed for when nothing is asked for, and any part of it', () => {
    expect(narrowSignedRange(signed, undefined)).toEqual(signed);
    expect(narrowSignedRange(signed, { start: 100, end: 200 })).toEqual(signed);
    expect(narrowSignedRange(signed, { start: 150, end: 151 })).toEqual({ start: 150, end: 151 });
  });

  it('never gives a byte outside', () => {
    for (const requested of [
      { start: 99, end: 200 },
      { start: 100, end: 201 },
      { start: 0, end: 1000 },
      { start: 200, end: 201 },
      { start: 150, end: 150 },
    ]) {
      expect(narrowSignedRange(signed, requested)).toBeUndefined();
    }
  });
});
