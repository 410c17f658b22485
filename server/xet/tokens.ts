import { createHmac, timingSafeEqual } from 'node:crypto';
import type { NamespaceId, PublicId, XetHash } from '../domain/ids.ts';
import { isPublicId } from '../domain/ids.ts';
import type { ByteRange } from '../objects/object-store.ts';

/*
 * What the hub signs for Xet clients: access tokens for the CAS routes, and queries of URLs that give a byte range
 * of one xorb to whoever holds them. HMAC-SHA-256; each purpose has its own prefix, so that a signature made for one
 * is worth nothing for the other. Both are opaque to clients.
 */

export type XetScope = 'read' | 'write';

/** What a Xet access token says: for which repository, on whose behalf, and until when. */
export interface XetAccess {
  readonly repository: PublicId;
  /** Absent for an anonymous reader. */
  readonly user: NamespaceId | undefined;
  readonly scope: XetScope;
  /** Seconds since the epoch; not valid from then on. */
  readonly expiresAt: number;
}

/** Bytes of a xorb that a signed URL gives. */
export interface XorbAccess {
  readonly xorb: XetHash;
  readonly bytes: ByteRange;
  /** Seconds since the epoch; not valid from then on. */
  readonly expiresAt: number;
}

const mac = (key: Uint8Array, purpose: 'token' | 'xorb' | 'chunks', text: string): Buffer =>
  createHmac('sha256', key).update(`xet ${purpose}\n${text}`).digest();

const isMac = (expected: Buffer, given: string): boolean => {
  const bytes = Buffer.from(given, 'base64url');
  // The second test refuses other spellings of the same bytes.
  return (
    bytes.length === expected.length &&
    timingSafeEqual(bytes, expected) &&
    bytes.toString('base64url') === given
  );
};

const TOKEN_PREFIX = 'xet_';
const TOKEN = /^xet_([A-Za-z0-9_-]{1,200})\.([A-Za-z0-9_-]{43})$/;
const TOKEN_PAYLOAD = /^([0-9a-f]{24}) (-|[0-9]{1,16}) ([rw]) ([0-9]{1,12})$/;

/** Make a Xet access token. `key` is a secret of the hub, 32 random bytes. */
export const signXetToken = (key: Uint8Array, access: XetAccess): string => {
  const scope = access.scope === 'write' ? 'w' : 'r';
  const text = `${access.repository} ${access.user ?? '-'} ${scope} ${access.expiresAt}`;
  const payload = Buffer.from(text, 'latin1').toString('base64url');
  return `${TOKEN_PREFIX}${payload}.${mac(key, 'token', payload).toString('base64url')}`;
};

/** What a token says, or `undefined` when we did not sign it or it has expired. `now` in seconds. */
export const verifyXetToken = (key: Uint8Array, token: string, now: number): XetAccess | undefined => {
  const [, payload, signature] = TOKEN.exec(token) ?? [];
  if (payload === undefined || signature === undefined) return undefined;
  if (!isMac(mac(key, 'token', payload), signature)) return undefined;
  const fields = TOKEN_PAYLOAD.exec(Buffer.from(payload, 'base64url').toString('latin1'));
  const [, repository, user, scope, expiry] = fields ?? [];
  if (repository === undefined || !isPublicId(repository)) return undefined;
  const expiresAt = Number(expiry);
  if (now >= expiresAt) return undefined;
  return {
    repository,
    user: user === '-' ? undefined : (Number(user) as NamespaceId),
    scope: scope === 'w' ? 'write' : 'read',
    expiresAt,
  };
};

const RANGE = /^([0-9]{1,10})-([0-9]{1,10})$/;
const EXPIRY = /^[0-9]{1,12}$/;

const xorbText = (xorb: string, range: string, expiry: string): string => `${xorb} ${range} ${expiry}`;

/** Query of a URL for exactly these bytes of a xorb: `range=<first>-<last>&expires=<seconds>&signature=<mac>`. */
export const signXorbQuery = (key: Uint8Array, access: XorbAccess): string => {
  const range = `${access.bytes.start}-${access.bytes.end - 1}`;
  const signature = mac(key, 'xorb', xorbText(access.xorb, range, String(access.expiresAt))).toString(
    'base64url',
  );
  return `range=${range}&expires=${access.expiresAt}&signature=${signature}`;
};

/** The bytes that a signed query gives, or `undefined` when we did not sign it or it has expired. `now` in seconds. */
export const verifyXorbQuery = (
  key: Uint8Array,
  xorb: XetHash,
  query: { readonly range?: unknown; readonly expires?: unknown; readonly signature?: unknown },
  now: number,
): ByteRange | undefined => {
  const { range, expires, signature } = query;
  if (typeof range !== 'string' || typeof expires !== 'string' || typeof signature !== 'string')
    return undefined;
  const [, first, last] = RANGE.exec(range) ?? [];
  if (first === undefined || last === undefined || !EXPIRY.test(expires)) return undefined;
  if (!isMac(mac(key, 'xorb', xorbText(xorb, range, expires)), signature)) return undefined;
  if (now >= Number(expires)) return undefined;
  return { start: Number(first), end: Number(last) + 1 };
};

/**
 * Which bytes to answer on a signed URL: those the request asks for, if all of them are signed for, or all that are
 * signed for when it names none. `undefined` when it asks for more than it may have.
 */
export const narrowSignedRange = (
  signed: ByteRange,
  requested: ByteRange | undefined,
): ByteRange | undefined => {
  if (!requested) return signed;
  const isWithin =
    requested.start >= signed.start && requested.end <= signed.end && requested.start < requested.end;
  return isWithin ? requested : undefined;
};

/** How long one key of chunk hashes is given out, and how long shards with it are good beyond that. */
const DEDUP_KEY_SECONDS = 24 * 3600;
const DEDUP_GRACE_SECONDS = 24 * 3600;

/**
 * The key under which chunk hashes are told to a user, a new one each day: what two users were told cannot be laid side
 * by side, and a client does not have to look up every chunk under a new key for every answer. `now` and the end in
 * seconds.
 */
export const dedupKeyOf = (
  key: Uint8Array,
  user: NamespaceId | undefined,
  now: number,
): { readonly key: Buffer; readonly expiresAt: number } => {
  const day = Math.floor(now / DEDUP_KEY_SECONDS);
  const expiresAt = (day + 1) * DEDUP_KEY_SECONDS + DEDUP_GRACE_SECONDS;
  return { key: mac(key, 'chunks', `${user ?? '-'} ${day}`), expiresAt };
};
