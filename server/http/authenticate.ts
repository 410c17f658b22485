import { ANONYMOUS, type Actor } from '../domain/access.ts';
import type { AccessToken, User } from '../domain/account.ts';
import { HubError, invalidCredentials } from '../domain/errors.ts';
import { cookieCounts } from './guards.ts';
import { header, type HubRequest } from './request.ts';

/** What the HTTP room needs to turn credentials into an actor. */
export interface Identify {
  /** The user of an access token; undefined when the token is unknown, revoked or expired. */
  token(secret: string): Promise<{ readonly user: User; readonly token: AccessToken } | undefined>;
  /** The user of a browser session. */
  session(id: string): Promise<User | undefined>;
}

export const SESSION_COOKIE = 'atoll_session';

/**
 * Who makes this request. A credential that is presented counts alone: a bad token is 401 even when the browser
 * also sent a good cookie. Throws InvalidCredentials, InvalidRequest or CrossOriginDenied.
 */
export async function authenticate(request: HubRequest, identify: Identify): Promise<Actor> {
  const authorization = authorizationHeader(request);
  if (authorization !== undefined) return byToken(tokenOf(authorization), identify);
  const session = sessionCookie(request);
  if (session === undefined || !cookieCounts(request)) return ANONYMOUS;
  const user = await identify.session(session);
  return user ? { kind: 'user', user, via: 'session', tokenRole: 'write' } : ANONYMOUS;
}

async function byToken(secret: string, identify: Identify): Promise<Actor> {
  const found = await identify.token(secret);
  if (!found) throw invalidCredentials();
  const { user, token } = found;
  return { kind: 'user', user, via: 'token', tokenRole: token.role, token };
}

function authorizationHeader(request: HubRequest): string | undefined {
  const raw = request.message.rawHeaders;
  let count = 0;
  for (let at = 0; at < raw.length; at += 2) if (raw[at]?.toLowerCase() === 'authorization') count++;
  if (count > 1) throw new HubError('InvalidRequest', 'Send at most one Authorization header.');
  return header(request, 'authorization');
}

/** A bearer token, or the password of Basic credentials: git and git-lfs send the token there with any user name. */
function tokenOf(authorization: string): string {
  const [, scheme = '', value = ''] = /^([A-Za-z]+) +([^\s]+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) throw invalidCredentials();
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw invalidCredentials();
  return text.slice(colon + 1);
}

/** The bearer value of a request, for routes whose tokens are not the hub's own. */
export function bearerOf(request: HubRequest): string | undefined {
  const authorization = authorizationHeader(request);
  return authorization === undefined ? undefined : /^Bearer +([^\s]+)$/i.exec(authorization)?.[1];
}

export function sessionCookie(request: HubRequest): string | undefined {
  const cookies = header(request, 'cookie');
  if (cookies === undefined) return undefined;
  for (const pair of cookies.split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === SESSION_COOKIE && value !== undefined && /^[A-Za-z0-9_-]{20,128}$/.test(value)) return value;
  }
  return undefined;
}
