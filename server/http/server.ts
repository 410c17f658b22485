import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import express from 'express';
import { NOT_OFFERED_YET } from '../contract/hub.ts';
import type { Method } from '../contract/route.ts';
import { HubError } from '../domain/errors.ts';
import { newPublicId } from '../platform/random.ts';
import { answer, answerFailure, pageRedirect, type AdapterParts, type Endpoint } from './adapter.ts';
import { answerCors } from './cors.ts';
import { asHubError, errorReply } from './errors.ts';
import { checkForwardedHost, checkHost, checkUpgrade, COMMON_HEADERS, type AllowedHosts } from './guards.ts';
import type { PageServer } from './pages.ts';
import type { Caller } from './proxies.ts';
import { header, parseTarget, type HubRequest } from './request.ts';
import { send } from './reply.ts';
import { createRouter } from './router.ts';

export interface HttpParts extends AdapterParts {
  readonly endpoints: readonly Endpoint[];
  readonly allowedHosts: () => AllowedHosts;
  /** Who sent a request, as far as proxies that are trusted say so. */
  readonly callerOf: (message: IncomingMessage) => Caller;
  /** Scheme, host and port for a `Host` that was let through; a proxy may speak https where we do not. */
  readonly originOf: (host: string, scheme: 'http' | 'https' | undefined) => string;
  readonly pages: PageServer;
  /** Whether scripts of this origin belong to an application that is registered here. */
  readonly isAppOrigin: (origin: string) => Promise<boolean>;
  /** Nothing new is taken any more: what is under way is finished, and then the hub ends. */
  readonly isStopping: () => boolean;
  /** Runs a request inside its log context. */
  readonly withRequestId: <Result>(requestId: string, work: () => Result) => Result;
}

const HEADERS_TIMEOUT_MS = 30_000;
/** Above the five seconds after which clients drop idle connections themselves (delta 2.1). */
const KEEP_ALIVE_MS = 65_000;
const IDLE_MS = 120_000;
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * The order in which a request passes: framing and host, CORS, then the route table by its raw path, then the
 * page through Express. Content and transfers never reach Express, whose own work would be the larger part of theirs.
 */
export function createHttpHandler(
  parts: HttpParts,
): (message: IncomingMessage, response: ServerResponse) => void {
  const router = createRouter<Endpoint | 'not offered'>();
  for (const endpoint of parts.endpoints) router.add(endpoint.route.method, endpoint.route.path, endpoint);
  for (const path of NOT_OFFERED_YET) for (const method of METHODS) router.add(method, path, 'not offered');
  const page = createPageApp(parts);

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = requestIdOf(message);
    for (const [name, value] of COMMON_HEADERS) response.setHeader(name, value);
    response.setHeader('x-request-id', id);
    const caller = parts.callerOf(message);
    let request: HubRequest = { ...bareRequest(message, id), remoteAddress: caller.address };
    try {
      const allowed = parts.allowedHosts();
      const ownHost = checkHost(message.rawHeaders, request.method, allowed);
      const host = caller.host === undefined ? ownHost : checkForwardedHost(caller.host, allowed);
      const origin = parts.originOf(host, caller.scheme);
      request = { ...request, ...parseTarget(message.url ?? ''), origin };
      checkExpectation(request);
      checkUpgrade(request);
      if (parts.isStopping()) {
        response.setHeader('connection', 'close');
        throw new HubError('Unavailable', 'The hub is stopping.');
      }
      if (await answerCors(request, response, parts.isAppOrigin)) return;
      const method = (request.method === 'HEAD' ? 'GET' : request.method) as Method;
      const match = router.find(method, request.parts);
      if (!match) {
        if (isPageRequest(request)) {
          const moved = await pageRedirect(parts, request);
          if (moved) await send(response, moved, request.method === 'HEAD');
          else page(message, response);
        } else throw unknownRoute(request, router.methods(request.parts));
        return;
      }
      const { target } = match;
      if (target === 'not offered') throw notOffered();
      await answer(parts, { ...match, target }, request, response);
    } catch (error) {
      await answerFailure(parts, asHubError(error), request, response);
    }
  }

  return (message, response) => {
    const id = requestIdOf(message);
    parts.withRequestId(id, () => {
      handle(message, response).catch((error: unknown) => {
        // Only a broken connection gets here: the failure itself was answered inside.
        parts.log.info('The connection was lost while answering.', { err: error });
        response.destroy();
      });
    });
  };
}

const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Under the CAS URL everything unknown is 404, whatever the method: hf_xet aborts on 405 and 501 (delta 1.1). The
 * same holds for names that are not paths of the Hub API at all.
 */
function unknownRoute(request: HubRequest, methods: readonly Method[]): HubError {
  const isCas = request.parts[0] === 'xet' || request.parts[0] === 'v1';
  if (methods.length === 0 || isCas) return new HubError('NotFound', 'There is nothing at this address.');
  return new HubError('MethodNotAllowed', 'This path does not take that method.', { details: { methods } });
}

const notOffered = (): HubError =>
  new HubError('NotSupported', 'This hub does not offer this part of the Hub API yet.');

const isPageRequest = (request: HubRequest): boolean =>
  (request.method === 'GET' || request.method === 'HEAD') &&
  (request.parts[0] === 'assets' || (header(request, 'accept') ?? '').includes('text/html')) &&
  request.parts[0] !== 'api' &&
  request.parts[0] !== 'xet';

/** Express serves the built page: hashed assets, and the index for every address that is a page. */
function createPageApp(parts: HttpParts): express.Express {
  const app = express();
  app.disable('etag');
  app.disable('x-powered-by');
  app.use(
    '/assets',
    express.static(parts.pages.assetsFolder, { immutable: true, maxAge: '365d', index: false }),
  );
  app.use((request, response, next) => {
    if (request.path.startsWith('/assets/'))
      next(new HubError('NotFound', 'There is nothing at this address.'));
    else parts.pages.sendIndex(response);
  });
  app.use(
    (error: unknown, request: express.Request, response: express.Response, next: express.NextFunction) => {
      const id = requestIdOf(request);
      answerFailure(parts, asHubError(error), bareRequest(request, id), response).catch(next);
    },
  );
  return app;
}

const requestIds = new WeakMap<IncomingMessage, string>();

/** The caller's own id where it is plain text, so that both sides can find the request in their logs. */
function requestIdOf(message: IncomingMessage): string {
  const known = requestIds.get(message);
  if (known !== undefined) return known;
  const given = message.headers['x-request-id'] ?? message.headers['x-amzn-trace-id'];
  const id = typeof given === 'string' && /^[\w=;.:-]{8,128}$/.test(given) ? given : newPublicId();
  requestIds.set(message, id);
  return id;
}

const bareRequest = (message: IncomingMessage, id: string): HubRequest => ({
  message,
  id,
  method: message.method ?? 'GET',
  path: '/',
  parts: [''],
  query: new Map(),
  nested: new Map(),
  origin: '',
  remoteAddress: message.socket.remoteAddress ?? '',
});

function checkExpectation(request: HubRequest): void {
  const expect = header(request, 'expect');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw new HubError('ExpectationFailed', 'The only expectation known is "100-continue".');
  }
}

/**
 * End connections on which nothing moves. One on which the client waits for us is left alone: to prove the hash of a
 * very large file takes longer than a client may stand still.
 */
function endIdleConnections(server: Server, idleMs: number): void {
  const working = new WeakMap<Socket, { message: IncomingMessage; response: ServerResponse }>();
  server.on('request', (message: IncomingMessage, response: ServerResponse) =>
    working.set(message.socket, { message, response }),
  );
  server.setTimeout(idleMs, (socket) => {
    const current = working.get(socket);
    const isOurTurn = current?.message.complete && !current.response.headersSent;
    if (!isOurTurn) socket.destroy();
  });
}

/** What is wrong with bytes that Node could make no request of. */
function unreadable(code: string | undefined): HubError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HubError('HeadersTooLarge', `The head of a request may have ${MAX_HEADER_BYTES} bytes.`);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HubError('RequestTimeout', 'The request did not come in time.');
    default:
      return new HubError('InvalidRequest', 'This is not valid HTTP.');
  }
}

/** The bytes of a refusal that nothing but a connection can carry. */
function answerWithoutRequest(error: HubError): string {
  const requestId = newPublicId();
  const { status, headers = {}, body } = errorReply(error, { requestId, isAnonymous: true, form: 'hub' });
  const text = body?.kind === 'json' ? JSON.stringify(body.value) : '';
  const lines = Object.entries({
    ...Object.fromEntries(COMMON_HEADERS),
    ...headers,
    'x-request-id': requestId,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`;
}

/**
 * A server with the limits of the hub; it is not listening yet.
 *
 * @param idleMs How long a client may neither send what it announced nor take what it asked for.
 */
export function createHttpServer(
  handler: (message: IncomingMessage, response: ServerResponse) => void,
  idleMs = IDLE_MS,
): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Uploads take as long as they take; a body that stands still is ended as an idle connection.
      requestTimeout: 0,
      connectionsCheckingInterval: 1000,
      noDelay: true,
      // A missing Host is refused with the others, by the guards.
      requireHostHeader: false,
    },
    handler,
  );
  // Node would leave out what is beyond a count; the guards count, and refuse.
  server.maxHeadersCount = 0;
  endIdleConnections(server, idleMs);
  server.on('checkExpectation', handler);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return;
    socket.end(answerWithoutRequest(unreadable(error.code)));
  });
  return server;
}
