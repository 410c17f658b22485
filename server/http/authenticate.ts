import { ANONYMOUS, type Actor } from '../domain/access.ts';
import type { AccessToken, User } from '../domain/account.ts';
import { HubError, invalidCredentials } from '../domain/errors.ts';
import { cookieCounts } from './guards.ts';
import { header, type HubRequest } from './request.ts';
import type { SessionCookie } from './session-cookie.ts';

/** What the HTTP room needs to turn credentials into an actor. */
export interface Identify {
  /**
   * The user of an access token; undefined when the token is unknown, revoked or expired. `userName` came with it as
   * Basic credentials.
   */
  token(
    secret: string,
    userName?: string,
  ): Promise<{ readonly user: User; readonly token: AccessToken } | undefined>;
  /** Counts a token that is none. Throws TooManyRequests. */
  wrongToken(address: string): void;
  /** The user of a browser session. */
  session(id: string): Promise<User | undefined>;
  /** Who acts with a credential that was given for large files by SSH; undefined for what is none. */
  lfsAccess(credential: string): Promise<Actor | undefined>;
  readonly cookie: SessionCookie;
}

/**
 * Who makes this request. A credential that is presented counts alone: a bad token is 401 even when the browser
 * also sent a good cookie. With `takesLfsAccess` it may be one for large files. Throws InvalidCredentials, InvalidRequest or CrossOriginDenied.
 */
export async function authenticate(
  request: HubRequest,
  identify: Identify,
  options: { readonly takesLfsAccess?: boolean } = {},
): Promise<Actor> {
  const authorization = authorizationHeader(request);
  if (authorization !== undefined) {
    const presented = tokenOf(authorization);
    const actor = options.takesLfsAccess ? await identify.lfsAccess(presented.secret) : undefined;
    return actor ?? byToken(request, presented, identify);
  }
  const session = identify.cookie.read(request);
  if (session === undefined || !cookieCounts(request)) return ANONYMOUS;
  const user = await identify.session(session);
  return user ? { kind: 'user', user, via: 'session', tokenRole: 'write' } : ANONYMOUS;
}

interface PresentedToken {
  readonly secret: string;
  /** Of Basic credentials. */
  readonly userName?: string;
}

async function byToken(
  request: HubRequest,
  { secret, userName }: PresentedToken,
  identify: Identify,
): Promise<Actor> {
  const found = await identify.token(secret, userName);
  if (!found) {
    identify.wrongToken(request.remoteAddress);
    throw invalidCredentials();
  }
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
function tokenOf(authorization: string): PresentedToken {
  const [, scheme = '', value = ''] = /^([A-Za-z]+) +([^\s]+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return { secret: value };
  if (scheme.toLowerCase() !== 'basic' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) throw invalidCredentials();
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) throw invalidCredentials();
  return { secret: text.slice(colon + 1), userName: text.slice(0, colon) };
}

/** The bearer value of a request, for routes whose tokens are not the hub's own. */
export function bearerOf(request: HubRequest): string | undefined {
  const authorization = authorizationHeader(request);
  return authorization === undefined ? undefined : /^Bearer +([^\s]+)$/i.exec(authorization)?.[1];
}
