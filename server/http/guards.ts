import { isIP } from 'node:net';
import { HubError } from '../domain/errors.ts';
import { foldName } from '../domain/names.ts';
import { header, type HubRequest } from './request.ts';

/** Names under which this hub may be reached, folded, without ports; IPv6 in brackets. */
export type AllowedHosts = ReadonlySet<string>;

const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Loopback names, what the hub is bound to, and what an admin named. */
export function allowedHosts(bound: readonly string[], named: readonly string[]): AllowedHosts {
  const bracketed = bound.map((address) => (isIP(address) === 6 ? `[${address}]` : address));
  return new Set([...LOOPBACK_HOSTS, ...bracketed, ...named].map(foldName));
}

const MAX_HEADERS = 200;

/**
 * Check the request line and the headers that decide where a request goes, before anything else looks at them.
 * Node lets two `Host` headers, HTTP/1.0 without one and `TRACE` pass (reliability 0.2, finding 11). Answers the
 * checked host.
 */
export function checkHost(rawHeaders: readonly string[], method: string, allowed: AllowedHosts): string {
  if (rawHeaders.length > 2 * MAX_HEADERS) {
    throw new HubError('HeadersTooLarge', `A request may have ${MAX_HEADERS} headers.`);
  }
  if (method === 'TRACE' || method === 'CONNECT')
    throw new HubError('MethodNotAllowed', 'This method is not offered.');
  const hosts = rawHeaders.filter(
    (_, index) => index % 2 === 1 && foldName(rawHeaders[index - 1] ?? '') === 'host',
  );
  const [host] = hosts;
  if (hosts.length !== 1 || host === undefined)
    throw new HubError('InvalidRequest', 'Send exactly one Host header.');
  return checkName(host, 'Host', allowed);
}

/**
 * The same for the host that a trusted proxy was asked for. It stands beside the check of `Host`, never for it: a page
 * that reaches us by a name of its own (DNS rebinding) can send any header.
 */
export const checkForwardedHost = (host: string, allowed: AllowedHosts): string =>
  checkName(host, 'X-Forwarded-Host', allowed);

function checkName(host: string, headerName: string, allowed: AllowedHosts): string {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]@/\s]+)(?::([0-9]{1,5}))?$/.exec(host);
  const [, name, port] = match ?? [];
  if (name === undefined || Number(port ?? 80) > 65_535)
    throw new HubError('InvalidRequest', `The ${headerName} header is not valid.`);
  const folded = foldName(name);
  // `datasets` asks this name next to ours and takes any quick 404 as "not offered" (contract 5.2).
  if (folded.startsWith('datasets-server.') && allowed.has(folded.slice('datasets-server.'.length))) {
    throw new HubError('NotFound', 'This hub has no datasets server.');
  }
  if (!allowed.has(folded)) {
    throw new HubError(
      'HostNotAllowed',
      'This hub does not answer to that host name. Add it to "allowedHosts".',
    );
  }
  return host;
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether the session cookie of a request counts. From another origin it never does; a change from another
 * origin is refused outright, since a browser was made to send it (reliability 4.5).
 */
export function cookieCounts(request: HubRequest): boolean {
  const site = header(request, 'sec-fetch-site');
  const origin = header(request, 'origin');
  const isSafe = SAFE_METHODS.has(request.method);
  const isSameOrigin =
    site === undefined
      ? origin === undefined || origin === request.origin
      : site === 'same-origin' || (isSafe && site === 'none');
  if (!isSameOrigin && !isSafe) {
    throw new HubError(
      'CrossOriginDenied',
      'A page of another origin cannot make changes here with your session.',
    );
  }
  return isSameOrigin;
}

/**
 * There are no WebSockets here, so an offer of one is passed over as HTTP has it. From a page of another origin, which
 * browsers let open them without asking, it is refused.
 */
export function checkUpgrade(request: HubRequest): void {
  const isWebSocket = (header(request, 'upgrade') ?? '').toLowerCase().includes('websocket');
  const origin = header(request, 'origin');
  if (isWebSocket && origin !== undefined && origin !== request.origin) {
    throw new HubError('CrossOriginDenied', 'A page of another origin cannot open a WebSocket here.');
  }
}

/** Every answer: nothing here is guessed at, framed, or told to other sites. */
export const COMMON_HEADERS: readonly (readonly [name: string, value: string])[] = Object.entries({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'x-frame-options': 'DENY',
});
