import type * as accounts from '../server/contract/accounts.ts';
import type * as commits from '../server/contract/commits.ts';
import type * as contents from '../server/contract/contents.ts';
import type * as diffs from '../server/contract/diffs.ts';
import type * as hub from '../server/contract/hub.ts';
import type * as lifecycle from '../server/contract/lifecycle.ts';
import type * as likes from '../server/contract/likes.ts';
import type * as oauth from '../server/contract/oauth.ts';
import type * as lfs from '../server/contract/lfs.ts';
import type * as repoLists from '../server/contract/repo-lists.ts';
import type * as sshKeys from '../server/contract/ssh-keys.ts';
import type * as repos from '../server/contract/repos.ts';
import type { AnswerOf, AnyRoute, BodyInput } from '../server/contract/route.ts';
import { kindPlural, encodePath, fileUrl, repoId, type RepoRef } from './repo-ref.ts';
import { addressOf, type RouteCall, type RouteLine } from './route-call.ts';
import type * as wire from './wire.ts';

/**
 * The hub refused or could not be reached. `status` is 0 when no answer came; `code` is the hub's own error code where
 * it sent one.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  /** Method and path of the request, for the folded details of an error. */
  readonly request: string;

  constructor(facts: {
    readonly message: string;
    readonly status: number;
    readonly code: string;
    readonly requestId?: string | undefined;
    readonly request: string;
  }) {
    super(facts.message);
    this.status = facts.status;
    this.code = facts.code;
    this.requestId = facts.requestId;
    this.request = facts.request;
  }
}

interface Reply<T> {
  readonly data: T;
  readonly headers: Headers;
}

async function refusal(response: Response, request: string): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  const facts = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const text = (field: string): string | undefined =>
    typeof facts[field] === 'string' ? facts[field] : undefined;
  return new ApiError({
    message:
      text('error') ?? text('message') ?? response.headers.get('X-Error-Message') ?? response.statusText,
    status: response.status,
    code: text('code') ?? response.headers.get('X-Error-Code') ?? '',
    requestId: text('requestId') ?? response.headers.get('X-Request-Id') ?? undefined,
    request,
  });
}

async function send(method: string, url: string, init: RequestInit): Promise<Response> {
  const request = `${method} ${url}`;
  let response: Response;
  try {
    response = await fetch(url, { ...init, method, credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ message: '', status: 0, code: 'Unreachable', request });
  }
  if (!response.ok) throw await refusal(response, request);
  return response;
}

/** Call a declared route; path, body and answer are those of its contract. */
async function call<R extends AnyRoute>(
  line: RouteLine<R>,
  options: RouteCall<R> = {},
): Promise<Reply<AnswerOf<R>>> {
  const { method, url } = addressOf(line, options);
  const init: RequestInit = { headers: { accept: 'application/json' } };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined || method !== 'GET') {
    init.headers = { ...init.headers, 'content-type': options.type ?? 'application/json' };
    init.body = JSON.stringify(options.body ?? {});
  }
  const response = await send(method, url, init);
  const text = await response.text();
  const data: unknown = text === '' ? undefined : JSON.parse(text);
  return { data: data as AnswerOf<R>, headers: response.headers };
}

const ask = async <R extends AnyRoute>(
  line: RouteLine<R>,
  options: RouteCall<R> = {},
): Promise<AnswerOf<R>> => (await call<R>(line, options)).data;

/** The parts of an API path that name a repo. */
const repoParams = (repo: RepoRef) => ({
  kind: kindPlural(repo.kind),
  namespace: repo.owner,
  name: repo.name,
});

/** A revision, and a path below it, as the end of an API path. */
const restOf = (revision: string, path = ''): string =>
  `${encodeURIComponent(revision)}${path === '' ? '' : `/${encodePath(path)}`}`;

/** The `cursor` of the next page named by a `Link: <url>; rel="next"` header; undefined on the last page. */
export function nextCursor(headers: Headers): string | undefined {
  const link = /<([^>]+)>;\s*rel="?next"?/.exec(headers.get('Link') ?? '')?.[1];
  if (link === undefined) return undefined;
  return new URL(link, location.origin).searchParams.get('cursor') ?? undefined;
}

/** One page of a list that the hub pages by cursor. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

// ---- the hub and who is here ------------------------------------------------------------------------------------

/** The hub as one person sees it. */
export type HubForPerson = wire.HubReply & wire.SessionReply;

export async function getHub(signal?: AbortSignal): Promise<HubForPerson> {
  const [facts, session] = await Promise.all([
    ask<typeof hub.hubFacts>('GET /api/hub', { signal }),
    ask<typeof accounts.readSession>('GET /api/session', { signal }),
  ]);
  return { ...facts, user: session.user };
}

export const getOverview = (signal?: AbortSignal) =>
  ask<typeof hub.overview>('GET /api/overview', { signal });

export const setUpHub = async (body: BodyInput<typeof accounts.setup>) =>
  (await ask<typeof accounts.setup>('POST /api/setup', { body })).user;

export const signIn = async (name: string, password: string) =>
  (await ask<typeof accounts.signIn>('POST /api/session', { body: { name, password } })).user;

export const signOut = () => ask<typeof accounts.signOut>('DELETE /api/session');

export const saveProfile = async (body: BodyInput<typeof accounts.updateProfile>) =>
  (await ask<typeof accounts.updateProfile>('PUT /api/settings/profile', { body })).user;

export const changePassword = (current: string, next: string) =>
  ask<typeof accounts.changePassword>('PUT /api/settings/password', { body: { current, next } });

// ---- tokens -----------------------------------------------------------------------------------------------------

export type NewToken = BodyInput<typeof accounts.createToken>;

export const listTokens = async (signal?: AbortSignal) =>
  (await ask<typeof accounts.listTokens>('GET /api/settings/tokens', { signal })).tokens;

/** Makes a token. The secret is in this answer only. */
export const createToken = (body: NewToken) =>
  ask<typeof accounts.createToken>('POST /api/settings/tokens', { body });

export const revokeToken = (id: string) =>
  ask<typeof accounts.deleteToken>('DELETE /api/settings/tokens/:token', { params: { token: id } });

export const renameToken = (id: string, name: string) =>
  ask<typeof accounts.renameToken>('PATCH /api/settings/tokens/:token', {
    params: { token: id },
    body: { name },
  });

// ---- keys for SSH ------------------------------------------------------------------------------------------------

export type NewSshKey = Required<BodyInput<typeof sshKeys.addSshKey>>;

export const listSshKeys = (signal?: AbortSignal) =>
  ask<typeof sshKeys.listSshKeys>('GET /api/user/keys', { signal });

export const addSshKey = (body: NewSshKey) => ask<typeof sshKeys.addSshKey>('POST /api/user/keys', { body });

export const removeSshKey = (id: string) =>
  ask<typeof sshKeys.deleteSshKey>('DELETE /api/user/keys/:key', { params: { key: id } });

export const listDeployKeys = (repo: RepoRef, signal?: AbortSignal) =>
  ask<typeof sshKeys.listDeployKeys>('GET /api/:kind/:namespace/:name/keys', {
    params: repoParams(repo),
    signal,
  });

export const addDeployKey = (repo: RepoRef, body: NewSshKey & { readonly read_only: boolean }) =>
  ask<typeof sshKeys.addDeployKey>('POST /api/:kind/:namespace/:name/keys', {
    params: repoParams(repo),
    body,
  });

export const removeDeployKey = (repo: RepoRef, id: string) =>
  ask<typeof sshKeys.deleteDeployKey>('DELETE /api/:kind/:namespace/:name/keys/:key', {
    params: { ...repoParams(repo), key: id },
  });

// ---- sessions, and who may sign in elsewhere -------------------------------------------------------------------------

export const listSessions = async (signal?: AbortSignal) =>
  (await ask<typeof accounts.listSessions>('GET /api/settings/sessions', { signal })).sessions;

export const endSession = (id: string) =>
  ask<typeof accounts.deleteSession>('DELETE /api/settings/sessions/:session', { params: { session: id } });

export const endOtherSessions = () =>
  ask<typeof accounts.deleteOtherSessions>('DELETE /api/settings/sessions');

export const askedDevice = (userCode: string) =>
  ask<typeof oauth.askedDevice>('GET /api/oauth/device', { query: { user_code: userCode } });

export const decideDevice = (userCode: string, approve: boolean) =>
  ask<typeof oauth.decideDevice>('POST /api/oauth/device', { body: { userCode, approve } });

/** What an application sent the browser here with. */
export type AuthorizationQuery = {
  readonly [Name in Exclude<keyof BodyInput<typeof oauth.decideApplication>, 'approve'>]: string | undefined;
} & { readonly client_id: string; readonly redirect_uri: string };

export const askedApplication = (asked: AuthorizationQuery, signal?: AbortSignal) =>
  ask<typeof oauth.askedApplication>('GET /api/oauth/authorize', { query: { ...asked }, signal });

/** Where the browser goes next. */
export const decideApplication = async (asked: AuthorizationQuery, approve: boolean) =>
  (await ask<typeof oauth.decideApplication>('POST /api/oauth/authorize', { body: { ...asked, approve } }))
    .redirect;

export const listApplications = async (signal?: AbortSignal) =>
  (await ask<typeof oauth.listApplications>('GET /api/settings/applications', { signal })).applications;

/** Registers an application. Its secret is in this answer only. */
export const createApplication = (body: BodyInput<typeof oauth.createApplication>) =>
  ask<typeof oauth.createApplication>('POST /api/settings/applications', { body });

export const removeApplication = (id: string) =>
  ask<typeof oauth.deleteApplication>('DELETE /api/settings/applications/:application', {
    params: { application: id },
  });

// ---- repos ------------------------------------------------------------------------------------------------------

export interface RepoQuery {
  readonly search?: string | undefined;
  readonly author?: string | undefined;
  readonly sort?: wire.RepoSort;
  readonly direction?: 1 | -1;
  readonly limit?: number;
  readonly cursor?: string | undefined;
}

export async function listRepos(
  kind: wire.RepoKind,
  query: RepoQuery,
  signal?: AbortSignal,
): Promise<Page<wire.RepoListItem>> {
  const params = { kind: kindPlural(kind) };
  const answer = await call<typeof repoLists.listRepos>('GET /api/:kind', {
    params,
    query: { ...query },
    signal,
  });
  return { items: answer.data, next: nextCursor(answer.headers) };
}

export const getRepo = (repo: RepoRef, signal?: AbortSignal) =>
  ask<typeof repos.repoInfo>('GET /api/:kind/:namespace/:name', { params: repoParams(repo), signal });

export const getLike = (repo: RepoRef, signal?: AbortSignal) =>
  ask<typeof likes.readLike>('GET /api/:kind/:namespace/:name/like', { params: repoParams(repo), signal });

export const setLike = (repo: RepoRef, liked: boolean) =>
  liked
    ? ask<typeof likes.like>('POST /api/:kind/:namespace/:name/like', { params: repoParams(repo) })
    : ask<typeof likes.unlike>('DELETE /api/:kind/:namespace/:name/like', { params: repoParams(repo) });

export type NewRepo = BodyInput<typeof repos.createRepo>;

export const createRepo = (body: NewRepo) => ask<typeof repos.createRepo>('POST /api/repos/create', { body });

export const getRepoSettings = (repo: RepoRef, signal?: AbortSignal) =>
  ask<typeof lifecycle.readRepoSettings>('GET /api/:kind/:namespace/:name/settings', {
    params: repoParams(repo),
    signal,
  });

export const changeRepoSettings = (repo: RepoRef, body: BodyInput<typeof lifecycle.repoSettings>) =>
  ask<typeof lifecycle.repoSettings>('PUT /api/:kind/:namespace/:name/settings', {
    params: repoParams(repo),
    body,
  });

/** Rename a repo or give it to another owner; `to` is its new `owner/name`. */
export const moveRepo = (repo: RepoRef, to: string) =>
  ask<typeof lifecycle.moveRepo>('POST /api/repos/move', {
    body: { fromRepo: repoId(repo), toRepo: to, type: repo.kind },
  });

/** Delete a repo for good. `confirm` is what was typed for it, its full name. */
export const deleteRepo = (repo: RepoRef, confirm: string) =>
  ask<typeof repos.deleteRepo>('DELETE /api/repos/delete', {
    body: { organization: repo.owner, name: repo.name, type: repo.kind, confirm },
  });

export const getRefs = (repo: RepoRef, signal?: AbortSignal) =>
  ask<typeof contents.refs>('GET /api/:kind/:namespace/:name/refs', { params: repoParams(repo), signal });

export const createBranch = (repo: RepoRef, branch: string, startingPoint: string) =>
  ask<typeof contents.createBranch>('POST /api/:kind/:namespace/:name/branch/*', {
    params: repoParams(repo),
    rest: encodeURIComponent(branch),
    body: { startingPoint },
  });

export interface TreeQuery {
  readonly revision: string;
  readonly path: string;
  readonly expand: boolean;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page of a folder's entries. `expand` adds each entry's last commit, which costs the hub more. */
export async function listTree(
  repo: RepoRef,
  { revision, path, expand, limit, cursor }: TreeQuery,
  signal?: AbortSignal,
): Promise<Page<wire.TreeEntry>> {
  const answer = await call<typeof contents.tree>('GET /api/:kind/:namespace/:name/tree/*', {
    params: repoParams(repo),
    rest: restOf(revision, path),
    query: { recursive: false, expand, limit, cursor },
    signal,
  });
  return { items: answer.data, next: nextCursor(answer.headers) };
}

/** Facts of one path with its last commit; undefined when nothing is there. */
export async function findPath(
  repo: RepoRef,
  revision: string,
  path: string,
): Promise<wire.TreeEntry | undefined> {
  const entries = await ask<typeof contents.pathsInfo>('POST /api/:kind/:namespace/:name/paths-info/*', {
    params: repoParams(repo),
    rest: restOf(revision),
    body: { paths: [path], expand: true },
  });
  return entries.find((entry) => entry.path === path);
}

export interface CommitsPage {
  readonly commits: readonly wire.CommitReply[];
  /** How many commits the revision has in all, where the hub says so. */
  readonly total: number | undefined;
}

/** Commits from a revision backwards; `page` counts from 0. */
export async function listCommits(
  repo: RepoRef,
  revision: string,
  paging: { readonly page: number; readonly limit: number },
  signal?: AbortSignal,
): Promise<CommitsPage> {
  const { data, headers } = await call<typeof contents.commits>('GET /api/:kind/:namespace/:name/commits/*', {
    params: repoParams(repo),
    rest: restOf(revision),
    query: { p: paging.page, limit: paging.limit },
    signal,
  });
  const total = Number(headers.get('X-Total-Count') ?? NaN);
  return { commits: data, total: Number.isFinite(total) ? total : undefined };
}

export type CommitDiffPage = AnswerOf<typeof diffs.commitDiff> & { readonly next: string | undefined };

/** Some of the files that a commit changed; `revision` is an id of it. */
export async function commitDiff(
  repo: RepoRef,
  revision: string,
  paging: { readonly limit: number; readonly cursor: string | undefined },
  signal?: AbortSignal,
): Promise<CommitDiffPage> {
  const { data, headers } = await call<typeof diffs.commitDiff>(
    'GET /api/:kind/:namespace/:name/commit/:revision/diff',
    { params: { ...repoParams(repo), revision }, query: paging, signal },
  );
  return { ...data, next: nextCursor(headers) };
}

export interface FileSlice {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Size of the whole file. */
  readonly size: number;
}

/** Bytes of a file from `start` on, at most `length` of them; `start` must lie inside the file. */
export async function readFile(
  repo: RepoRef,
  at: { readonly revision: string; readonly path: string; readonly start: number; readonly length: number },
  signal?: AbortSignal,
): Promise<FileSlice> {
  // To look at a file is no download of it.
  const headers = { range: `bytes=${at.start}-${at.start + at.length - 1}`, 'x-hf-download-counter': '0' };
  const init: RequestInit = { headers };
  if (signal) init.signal = signal;
  const response = await send('GET', fileUrl(repo, at.revision, at.path), init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const total = /\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1];
  return { bytes, size: total === undefined ? bytes.length : Number(total) };
}

// ---- upload: the same routes every client uses --------------------------------------------------------------------

export const preupload = async (
  repo: RepoRef,
  revision: string,
  files: BodyInput<typeof commits.preupload>['files'],
  signal?: AbortSignal,
) =>
  (
    await ask<typeof commits.preupload>('POST /api/:kind/:namespace/:name/preupload/*', {
      params: repoParams(repo),
      rest: restOf(revision),
      body: { files },
      signal,
    })
  ).files;

const LFS_TYPE = 'application/vnd.git-lfs+json';

/** Asks where the bytes of these objects go; objects without actions are already held for this repo. */
export const startLfsUpload = async (
  repo: RepoRef,
  objects: readonly { readonly oid: string; readonly size: number }[],
  signal?: AbortSignal,
) =>
  (
    await ask<typeof lfs.lfsBatch>('POST /:prefix?/:namespace/:name/info/lfs/objects/batch', {
      params: {
        prefix: repo.kind === 'model' ? '' : kindPlural(repo.kind),
        namespace: repo.owner,
        name: `${repo.name}.git`,
      },
      body: {
        operation: 'upload',
        transfers: ['basic', 'multipart'],
        objects: objects.map(({ oid, size }) => ({ oid, size })),
        hash_algo: 'sha256',
      },
      type: LFS_TYPE,
      signal,
    })
  ).objects;

/** Puts an LFS href on this page's origin: a hub behind a proxy may call itself by another name. */
function sameOrigin(href: string): string {
  const url = new URL(href, location.origin);
  return `${url.pathname}${url.search}`;
}

export const postLfs = (href: string, body: unknown, signal?: AbortSignal) =>
  send('POST', sameOrigin(href), {
    headers: { 'content-type': LFS_TYPE, accept: LFS_TYPE },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });

interface Sending {
  readonly method: 'PUT' | 'POST';
  readonly url: string;
  readonly body: Blob;
  readonly type?: string;
  readonly signal: AbortSignal;
  /** Told how many bytes of the body are sent so far. */
  readonly onProgress: (sentBytes: number) => void;
}

/** Sends a body with progress, which fetch cannot report. Resolves when the hub has answered with success. */
function sendBody(sending: Sending): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const url = sameOrigin(sending.url);
    const name = `${sending.method} ${url}`;
    const abort = (): void => request.abort();
    const settle = (run: () => void): void => {
      sending.signal.removeEventListener('abort', abort);
      run();
    };
    request.open(sending.method, url);
    if (sending.type !== undefined) request.setRequestHeader('content-type', sending.type);
    request.upload.onprogress = (event) => sending.onProgress(event.loaded);
    request.onload = () =>
      settle(() => {
        if (request.status >= 200 && request.status < 300) resolve(request);
        else reject(refusedBody(request, name));
      });
    request.onerror = () =>
      settle(() => reject(new ApiError({ message: '', status: 0, code: 'Unreachable', request: name })));
    request.onabort = () => settle(() => reject(new DOMException('The transfer was stopped.', 'AbortError')));
    if (sending.signal.aborted) {
      reject(new DOMException('The transfer was stopped.', 'AbortError'));
      return;
    }
    sending.signal.addEventListener('abort', abort);
    request.send(sending.body);
  });
}

function refusedBody(request: XMLHttpRequest, name: string): ApiError {
  let facts: Record<string, unknown> = {};
  try {
    facts = JSON.parse(request.responseText) as Record<string, unknown>;
  } catch {
    facts = {}; // not JSON: the headers say what can be said
  }
  const text = (field: string, header: string): string | undefined =>
    typeof facts[field] === 'string' ? facts[field] : (request.getResponseHeader(header) ?? undefined);
  return new ApiError({
    message: text('error', 'X-Error-Message') ?? text('message', 'X-Error-Message') ?? request.statusText,
    status: request.status,
    code: text('code', 'X-Error-Code') ?? '',
    requestId: text('requestId', 'X-Request-Id'),
    request: name,
  });
}

interface PutOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (sentBytes: number) => void;
}

/** Stores one object, or one part of it, and returns the ETag of the answer (empty where there is none). */
export async function putBytes(href: string, body: Blob, options: PutOptions): Promise<string> {
  const request = await sendBody({ method: 'PUT', url: href, body, ...options });
  return request.getResponseHeader('ETag') ?? '';
}

/** Makes one commit from NDJSON lines (header first), as `huggingface_hub` does. */
export async function commitLines(
  repo: RepoRef,
  revision: string,
  lines: Blob,
  options: PutOptions,
): Promise<AnswerOf<typeof commits.commit>> {
  const { url } = addressOf<typeof commits.commit>('POST /api/:kind/:namespace/:name/commit/*', {
    params: repoParams(repo),
    rest: restOf(revision),
  });
  const request = await sendBody({
    method: 'POST',
    url,
    body: lines,
    type: 'application/x-ndjson',
    ...options,
  });
  return JSON.parse(request.responseText) as AnswerOf<typeof commits.commit>;
}
