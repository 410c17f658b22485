import type { ServerResponse } from 'node:http';
import { header, type HubRequest } from './request.ts';

const EXPOSED =
  `ETag, Content-Range, Content-Length, Accept-Ranges, Location, Link, X-Repo-Commit, X-Linked-Etag,
 X-Linked-Size, X-Xet-Hash, X-Total-Count, X-Error-Code, X-Error-Message, X-Request-Id`.replace(/\s+/g, ' ');

/** Pages on this computer may use the hub from their scripts, with a token and never with the session cookie. */
function isLoopbackOrigin(origin: string): boolean {
  return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?$/.test(origin);
}

/**
 * Adds the headers for a script of an allowed origin: of this computer, or of an application that is registered to sign
 * people in. Answers true when the request was a preflight and is done.
 */
export async function answerCors(
  request: HubRequest,
  response: ServerResponse,
  isAppOrigin: (origin: string) => Promise<boolean>,
): Promise<boolean> {
  const origin = header(request, 'origin');
  response.setHeader('vary', 'Origin');
  const isOther = origin !== undefined && origin !== request.origin;
  if (isOther && (isLoopbackOrigin(origin) || (await isAppOrigin(origin)))) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', EXPOSED);
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, PUT, PATCH, DELETE');
      response.setHeader(
        'access-control-allow-headers',
        'authorization, content-type, range, if-none-match, x-request-id, x-xet-session-id',
      );
      response.setHeader('access-control-max-age', '600');
    }
  }
  if (request.method !== 'OPTIONS') return false;
  response.statusCode = 204;
  response.end();
  return true;
}
