import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Access, BodyKind, Route } from '../contract/route.ts';
import { takes } from '../contract/query.ts';
import { KIND_SEGMENTS } from '../contract/shapes.ts';
import {
  ANONYMOUS,
  decideAccount,
  KEY_OF_ONE_REPOSITORY,
  type AccountScope,
  type Actor,
  type RepoRight,
} from '../domain/access.ts';
import { forbidden, HubError, repoNotFound, signInRequired } from '../domain/errors.ts';
import type { Authorize, Granted, RepoName } from '../services/authorize.ts';
import type { RequestLimits } from '../services/request-limits.ts';
import { authenticate, type Identify } from './authenticate.ts';
import { readBody, validate } from './body.ts';
import { asHubError, errorReply, isOurFault } from './errors.ts';
import type { Log } from '../platform/log.ts';
import type { Repo } from '../domain/repo.ts';
import { send, type Reply } from './reply.ts';
import { decodePart, header, type HubRequest } from './request.ts';
import type { Match } from './router.ts';

type GrantOf<A extends Access> = A extends {
  readonly kind: 'repo';
  readonly right: infer Right extends RepoRight;
}
  ? Granted<Right>
  : A extends { readonly kind: 'reader' }
    ? Granted<'read'>
    : undefined;

type ActorOf<A extends Access> = A extends { readonly kind: 'reader' | 'signedIn' | 'namespace' }
  ? Extract<Actor, { kind: 'user' }>
  : Actor;

type BodyOf<Body extends BodyKind> = Body extends { readonly schema: infer Schema extends z.ZodType }
  ? z.output<Schema>
  : undefined;

/** Everything a handler may look at. */
export interface Context<A extends Access, Query extends z.ZodType, Body extends BodyKind> {
  readonly request: HubRequest;
  /** Decoded values of the named parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  /** Raw parts under the final `*`. */
  readonly rest: readonly string[];
  readonly query: z.output<Query>;
  readonly body: BodyOf<Body>;
  readonly actor: ActorOf<A>;
  readonly granted: GrantOf<A>;
}

/** A route with the function that answers it; its types are checked where it is made and erased here. */
export interface Endpoint {
  readonly route: Route;
  readonly handle: (context: Context<never, z.ZodType, BodyKind>) => Promise<Reply>;
}

export const serve = <A extends Access, Query extends z.ZodType, Body extends BodyKind, Answer>(
  route: Route<A, Query, Body, Answer>,
  handle: (context: Context<A, Query, Body>) => Promise<Reply<Answer>> | Reply<Answer>,
): Endpoint => ({
  route: route as unknown as Route,
  handle: handle as unknown as Endpoint['handle'],
});

export interface AdapterParts {
  readonly identify: Identify;
  readonly authorize: Authorize;
  readonly limits: RequestLimits;
  readonly log: Log;
  /** Development and tests: a reply or error that the contract does not declare is an error. */
  readonly strict: boolean;
  /** Told of each answer, where somebody wants to know: it must cost nothing otherwise. */
  readonly onAnswered?: (answered: Answered) => void;
}

/** One answered request, without anything secret. */
export interface Answered {
  readonly method: string;
  /** Pattern of the route, not the path itself. */
  readonly route: string;
  readonly status: number;
  readonly agent: string;
}

/** Answer one matched request: identify, authorise, validate, handle, reply; every failure ends in `errors.ts`. */
export async function answer(
  parts: AdapterParts,
  match: Match<Endpoint>,
  request: HubRequest,
  response: ServerResponse,
): Promise<void> {
  const { route } = match.target;
  const isHead = request.method === 'HEAD';
  let actor: Actor = ANONYMOUS;
  let repo: Granted<'read'> | undefined;
  try {
    actor = await identifyFor(route.access, request, parts.identify);
    admit(parts, actor, request, response);
    const params = decodeParams(match.params);
    const granted = await grantFor(parts.authorize, route.access, actor, params);
    if (granted?.isRedirect) {
      // What is deleted for good must be called by its own name.
      if (route.access.kind === 'repo' && route.access.ownName) throw repoNotFound();
      await send(response, redirectTo(granted.granted.repo, request), isHead, dropUnread(request.message));
      return;
    }
    repo = granted?.granted;
    refuseNested(route.query, request);
    const query = validate(route.query, Object.fromEntries(request.query), 'InvalidParameter');
    const body = await readBody(request, route.body);
    const context = { request, params, rest: match.rest, query, body, actor, granted: granted?.granted };
    const reply = await match.target.handle(context as unknown as Context<never, z.ZodType, BodyKind>);
    if (parts.strict && !route.replies.includes(reply.status)) {
      throw new Error(
        `${route.method} ${route.path} answered ${reply.status}, which its contract does not declare`,
      );
    }
    await send(response, reply, isHead);
  } catch (caught) {
    const isOurs = isOurFault(asHubError(caught).code);
    // Whoever reads a repository while it is deleted finds parts of it missing.
    const isGone = isOurs && repo !== undefined && !(await parts.authorize.isThere(repo).catch(() => true));
    const thrown = isGone ? repoNotFound() : caught;
    await sendFailure(parts, { thrown, actor, request, response, form: route.errorForm });
  } finally {
    parts.onAnswered?.({
      method: route.method,
      route: route.path,
      status: response.statusCode,
      agent: header(request, 'user-agent') ?? '',
    });
  }
}

/** Count a request of the API, and say what is left. Content and transfers are bounded by what they carry. */
function admit(parts: AdapterParts, actor: Actor, request: HubRequest, response: ServerResponse): void {
  if (request.query.has('token') || request.query.has('access_token')) {
    parts.log.warn('A token in a query is not read.', { path: request.path });
  }
  // Links of large objects are transfers: a batch was counted when it gave them out.
  if (request.parts[0] !== 'api' || request.parts[1] === 'lfs') return;
  const quota = parts.limits.admit(actor, request.remoteAddress);
  if (!quota) return;
  const { name, most, remaining, windowSeconds, resetSeconds } = quota;
  response.setHeader('ratelimit', `"${name}";r=${remaining};t=${resetSeconds}`);
  response.setHeader('ratelimit-policy', `"fixed window";"${name}";q=${most};w=${windowSeconds}`);
}

async function sendFailure(
  parts: AdapterParts,
  failure: {
    readonly thrown: unknown;
    readonly actor: Actor;
    readonly request: HubRequest;
    readonly response: ServerResponse;
    readonly form: Route['errorForm'];
  },
): Promise<void> {
  const { request, response } = failure;
  const error = asHubError(failure.thrown);
  const isClientGone = request.message.destroyed && !request.message.complete;
  if (isOurFault(error.code) && !isClientGone) {
    parts.log.error(error.message, { err: error.cause ?? error, code: error.code, path: request.path });
  }
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const isAnonymous = failure.actor.kind === 'anonymous';
  const reply = errorReply(error, { requestId: request.id, isAnonymous, form: failure.form });
  // What was said of the content does not hold for the failure.
  for (const name of response.getHeaderNames()) {
    if (name.startsWith('content-') || name === 'etag') response.removeHeader(name);
  }
  // Who lets us wait has been waited for.
  const isTrickle = error.code === 'RequestTimeout';
  if (isTrickle) response.setHeader('connection', 'close');
  const unread = isTrickle ? undefined : dropUnread(request.message);
  await send(response, reply, request.method === 'HEAD', unread);
}

/** What is left of a body that nobody is going to read; undefined when nothing is. */
const dropUnread = (message: IncomingMessage): Promise<void> | undefined =>
  message.complete || message.destroyed ? undefined : dropBody(message);

const LINGER_BYTES = 256 * 1024 * 1024;
const LINGER_MS = 30_000;

/**
 * An answer in the middle of a body: most clients only read the answer after they have sent everything, and a
 * connection that is closed on unread bytes takes the answer with it. So what still comes is dropped, within bounds.
 */
function dropBody(message: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const cut = (): void => void message.socket.destroy();
    const timer = setTimeout(cut, LINGER_MS).unref();
    message.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    let dropped = 0;
    message.on('data', (chunk: Buffer) => {
      dropped += chunk.byteLength;
      if (dropped > LINGER_BYTES) cut();
    });
  });
}

async function identifyFor(access: Access, request: HubRequest, identify: Identify): Promise<Actor> {
  if (access.kind === 'capability' || access.kind === 'setupOnce') return ANONYMOUS;
  const takesLfsAccess = access.kind === 'repo' && access.lfsAccess === true;
  const actor = await authenticate(request, identify, { takesLfsAccess });
  if (access.kind === 'signedIn') requireUser(actor, access.scope);
  if (access.kind === 'namespace') requireUser(actor, 'repo');
  return actor;
}

function requireUser(actor: Actor, scope: AccountScope): void {
  if (actor.kind === 'anonymous') throw signInRequired();
  if (actor.kind === 'deploy-key') throw forbidden(KEY_OF_ONE_REPOSITORY);
  const verdict = decideAccount(actor, scope);
  if (verdict.kind === 'denied') throw forbidden(verdict.reason);
}

function decodeParams(raw: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) params[name] = decodePart(value);
  return params;
}

/** `limit[]=1` is no limit, and `expand[a]=1` no list. Names that a route does not know are not looked at. */
function refuseNested(query: z.ZodType, { nested }: HubRequest): void {
  for (const [name, form] of nested) {
    const taken = takes(query, name);
    if (taken !== undefined && !(taken === 'list' && form === 'list')) {
      throw new HubError(
        'InvalidParameter',
        `"${name}" must be ${taken === 'list' ? 'a list' : 'one value'}.`,
      );
    }
  }
}

/** The repository that a path names; file routes may write it with `.git`, as git remotes do. */
function repoNameOf(params: Readonly<Record<string, string>>): RepoName {
  const kind = KIND_SEGMENTS[params['kind'] ?? params['prefix'] ?? 'models'];
  const name = params['name'] ?? '';
  return {
    kind: kind ?? 'model',
    owner: params['namespace'] ?? '',
    name: params['kind'] === undefined ? name.replace(/\.git$/, '') : name,
  };
}

async function grantFor(
  authorize: Authorize,
  access: Access,
  actor: Actor,
  params: Readonly<Record<string, string>>,
): Promise<{ granted: Granted<'read'>; isRedirect: boolean } | undefined> {
  if (access.kind === 'repo') {
    const name = access.of === undefined ? repoNameOf(params) : { ...repoNameOf(params), kind: access.of };
    return authorize.repo(actor, name, access.right);
  }
  if (access.kind !== 'reader') return undefined;
  const found = await authorize.repo(actor, repoNameOf(params), 'read');
  requireUser(actor, 'write');
  return found;
}

/** A renamed repository: 307 with a relative location, which every client follows (contract 2.2). */
function redirectTo(repo: Repo, request: HubRequest): Reply {
  const parts = [...request.parts];
  const before = parts[0] !== 'api' ? 0 : parts[1] === 'resolve-cache' ? 2 : 1;
  const isPrefixed = Object.hasOwn(KIND_SEGMENTS, parts[before] ?? '') || parts[before] === 'buckets';
  const at = isPrefixed ? before + 1 : before;
  parts[at] = encodeURIComponent(repo.owner.name);
  parts[at + 1] = encodeURIComponent(repo.name) + (/\.git$/.test(parts[at + 1] ?? '') ? '.git' : '');
  const mark = request.message.url?.indexOf('?') ?? -1;
  const query = mark < 0 ? '' : (request.message.url ?? '').slice(mark);
  return { status: 307, headers: { location: `/${parts.join('/')}${query}` } };
}

/**
 * Where the page of a renamed repository is now, for those who may see it; undefined when the address is not one under
 * a former name. What the page shows it asks for by the API, which decides anew.
 */
export async function pageRedirect(parts: AdapterParts, request: HubRequest): Promise<Reply | undefined> {
  const isPrefixed = Object.hasOwn(KIND_SEGMENTS, request.parts[0] ?? '');
  const [owner, name] = request.parts.slice(isPrefixed ? 1 : 0);
  if (!owner || !name || request.parts[0] === 'assets') return undefined;
  const kind = isPrefixed ? KIND_SEGMENTS[request.parts[0] ?? ''] : 'model';
  try {
    const actor = await authenticate(request, parts.identify);
    const asked = { kind: kind ?? 'model', owner: decodePart(owner), name: decodePart(name) };
    const { granted, isRedirect } = await parts.authorize.repo(actor, asked, 'read');
    return isRedirect ? redirectTo(granted.repo, request) : undefined;
  } catch (error) {
    if (error instanceof HubError) return undefined;
    throw error;
  }
}

/** A failure before any route is known: bad host, unknown path. */
export async function answerFailure(
  parts: AdapterParts,
  error: HubError,
  request: HubRequest,
  response: ServerResponse,
): Promise<void> {
  await sendFailure(parts, { thrown: error, actor: ANONYMOUS, request, response, form: 'hub' });
}
