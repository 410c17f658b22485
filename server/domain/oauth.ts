import type { TokenRole } from './account.ts';
import { HubError } from './errors.ts';

/** What OAuth calls its failures (RFC 6749 4.1.2.1 and 5.2, RFC 8628 3.5). */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'access_denied'
  | 'interaction_required'
  | 'authorization_pending'
  | 'slow_down'
  | 'expired_token';

/** A failure that a client of OAuth tells apart by its name. */
export const oauthRefusal = (error: OAuthError, message: string): HubError =>
  new HubError(error === 'invalid_client' ? 'InvalidCredentials' : 'InvalidRequest', message, {
    details: { oauthError: error },
  });

/** Scopes that are known here, by the Hub's names. */
export const OAUTH_SCOPES = [
  'openid',
  'profile',
  'email',
  'offline_access',
  'read-repos',
  'write-repos',
  'manage-repos',
] as const;

/** What a program gets that asks for nothing in particular, as the command line does: to act as the user. */
export const DEFAULT_DEVICE_SCOPE = 'openid profile email offline_access read-repos write-repos manage-repos';
export const DEFAULT_APP_SCOPE = 'openid profile';

/**
 * The scopes of a request that are known here, each once; others are not granted, which the answer says. Throws
 * invalid_scope when nothing is left.
 */
export function parseScope(text: string | undefined, fallback: string): string {
  if (text === undefined || text.trim() === '') return fallback;
  const asked = new Set(text.trim().split(/\s+/));
  const granted = OAUTH_SCOPES.filter((scope) => asked.has(scope));
  if (granted.length === 0) {
    throw oauthRefusal(
      'invalid_scope',
      `None of these scopes is known: ${[...asked].join(' ').slice(0, 200)}`,
    );
  }
  return granted.join(' ');
}

export const hasScope = (scope: string, name: (typeof OAUTH_SCOPES)[number]): boolean =>
  scope.split(' ').includes(name);

/** The role of a token with this scope. One that only says who somebody is reaches nothing. */
export function roleOfScope(scope: string): TokenRole {
  if (hasScope(scope, 'write-repos') || hasScope(scope, 'manage-repos')) return 'write';
  return hasScope(scope, 'read-repos') ? 'read' : 'fineGrained';
}

const LONGEST_URI = 2000;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** An address that an application may be registered with. Throws InvalidBody. */
export function parseRedirectUri(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && (url.protocol === 'https:' || url.protocol === 'http:');
  if (
    !isPlain ||
    text.length > LONGEST_URI ||
    text.includes('#') ||
    url.username !== '' ||
    url.password !== '' ||
    // eslint-disable-next-line no-control-regex -- what a URL parser would drop in silence
    /[\u0000-\u0020\u007f\\]/.test(text)
  ) {
    throw new HubError(
      'InvalidBody',
      `"${text.slice(0, 200)}" is no address to return to: it must be a whole http or https URL without "#".`,
    );
  }
  return text;
}

/**
 * Whether an application may be returned to at this address: one it is registered with, character by character. Only
 * the port of this computer's own addresses is free, since a program listens where it finds room (RFC 8252, 7.3).
 */
export function isRegisteredUri(uri: string, registered: readonly string[]): boolean {
  if (registered.includes(uri)) return true;
  const portless = withoutLoopbackPort(uri);
  return portless !== undefined && registered.some((each) => withoutLoopbackPort(each) === portless);
}

function withoutLoopbackPort(uri: string): string | undefined {
  const [, start = '', host = '', rest = ''] =
    /^(http:\/\/)(\[[0-9a-f:.]+\]|[^/:?#@\\]+)(?::[0-9]{1,5})?((?:[/?].*)?)$/.exec(uri) ?? [];
  return LOOPBACK.has(host) ? `${start}${host}${rest}` : undefined;
}

const CONSONANTS = 'BCDFGHJKLMNPQRSTVWXZ';
const USER_CODE_LETTERS = 8;

/** A code to be read from one screen and typed at another: no vowels, so no words, and no letters that look alike. */
export function formatUserCode(bytes: Uint8Array): string | undefined {
  let letters = '';
  // Bytes from 240 on would make the first letters likelier than the others.
  for (const byte of bytes) if (byte < 240) letters += CONSONANTS[byte % CONSONANTS.length] ?? '';
  if (letters.length < USER_CODE_LETTERS) return undefined;
  return `${letters.slice(0, 4)}-${letters.slice(4, USER_CODE_LETTERS)}`;
}

/** A user code as it was typed: in any case, with or without its hyphen. Undefined for what cannot be one. */
export function parseUserCode(text: string): string | undefined {
  const letters = text.toUpperCase().replace(/[\s-]/g, '');
  const isCode =
    letters.length === USER_CODE_LETTERS && [...letters].every((letter) => CONSONANTS.includes(letter));
  return isCode ? `${letters.slice(0, 4)}-${letters.slice(4)}` : undefined;
}

/** Form of a PKCE challenge by S256 (RFC 7636, 4.2). */
export const isChallenge = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);
/** Form of a PKCE verifier (RFC 7636, 4.1). */
export const isVerifier = (text: string): boolean => /^[A-Za-z0-9._~-]{43,128}$/.test(text);
