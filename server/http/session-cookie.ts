import { header, type HubRequest } from './request.ts';

export interface SessionCookie {
  /** The session id that a browser sent, if it can be one. */
  read(request: HubRequest): string | undefined;
  /** The header that gives a browser its session id; an empty one with age 0 takes it away. */
  write(request: HubRequest, sessionId: string, maxAgeSeconds: number): Record<string, string>;
}

/**
 * The cookie of a browser's session. Over https it is bound to this host (`__Host-`). Over plain http cookies are shared
 * by all ports of a host, so the name tells the instance: two hubs on one computer do not take each other's sessions
 * away. Never for scripts; over http not for requests that other sites start either.
 */
export function createSessionCookie(instance: string): SessionCookie {
  const isSecure = (request: HubRequest): boolean => request.origin.startsWith('https://');
  const nameFor = (request: HubRequest): string =>
    isSecure(request) ? '__Host-atoll' : `atoll_session_${instance}`;
  return {
    read(request) {
      const wanted = nameFor(request);
      for (const pair of (header(request, 'cookie') ?? '').split(';')) {
        const [name, value] = pair.trim().split('=', 2);
        if (name === wanted && value !== undefined && /^[A-Za-z0-9_-]{20,128}$/.test(value)) return value;
      }
      return undefined;
    },
    write(request, sessionId, maxAgeSeconds) {
      const rules = isSecure(request) ? 'Secure; SameSite=Lax' : 'SameSite=Strict';
      const cookie = `${nameFor(request)}=${sessionId}; Path=/; HttpOnly; ${rules}; Max-Age=${maxAgeSeconds}`;
      return { 'set-cookie': cookie };
    },
  };
}
