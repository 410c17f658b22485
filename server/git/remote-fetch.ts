import type { GitHttpRequest, GitHttpResponse, HttpClient, PromiseFsClient, ServerRef } from 'isomorphic-git';
import { HubError } from '../domain/errors.ts';
import { isOid, type Oid } from '../domain/ids.ts';
import { callOut } from '../platform/outbound.ts';
import { openRandomAccess } from '../platform/scratch-file.ts';

/** What to fetch, and how. */
export interface RemoteAddress {
  /** Of the repository, without a slash at its end. */
  readonly url: string;
  /** Value of the header; sent to the origin of `url` and to no other. */
  readonly authorization: string | undefined;
}

export interface RemoteRef {
  readonly name: string;
  readonly target: Oid;
}

export interface FetchedRemote {
  /** Where the repository was found: servers may send elsewhere. */
  readonly url: string;
  /** Branches and tags. */
  readonly refs: readonly RemoteRef[];
  /** Full name of the branch that HEAD is; undefined where it is none that exists. */
  readonly head: string | undefined;
  /** Of the pack that was written; 0 where nothing was sent. */
  readonly packBytes: number;
}

const WANTED = /^refs\/(?:heads|tags)\/[^^]+$/;
/** Refs take no more than a few hundred bytes each. */
const MAX_REFS_BYTES = 64 * 1024 * 1024;
const DISCOVERY = '/info/refs?service=git-upload-pack';
const ANSWER_TYPE = 'application/x-git-upload-pack-result';

/**
 * Fetch all branches and tags of a repository over HTTP, as one pack, with isomorphic-git. It holds the pack in memory
 * while it comes, hence `maxBytes`; it would also index it, slowly, so the pack goes to `packPath`, a file that exists,
 * and there it ends. Throws InvalidCredentials, NotFound, InvalidRequest, BodyTooLarge and Unavailable.
 */
export async function fetchRemote(
  { url, authorization }: RemoteAddress,
  { maxBytes, packPath, signal }: { maxBytes: number; packPath: string; signal: AbortSignal },
): Promise<FetchedRemote> {
  const { default: git } = await import('isomorphic-git');
  const http = createHttpClient({ url, authorization }, { maxBytes, signal });
  const pack = createPackCatcher(packPath);

  const answered = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      const result = await work();
      http.check();
      return result;
    } catch (error) {
      http.check();
      if (pack.isCaught(error)) return undefined;
      throw toHubError(error, url);
    }
  };

  const listed = await answered(() => git.listServerRefs({ http, url, protocolVersion: 1, symrefs: true }));
  const refs = (listed ?? []).flatMap(({ ref: name, oid }): RemoteRef[] =>
    WANTED.test(name) && isOid(oid) ? [{ name, target: oid }] : [],
  );
  const [first] = refs;
  if (first) {
    // isomorphic-git cannot fetch from it.
    if (!listed?.some(({ ref }) => ref === 'HEAD')) throw noHead(url);
    await answered(() =>
      git.fetch({
        fs: pack.fs,
        http,
        gitdir: GITDIR,
        url,
        remote: 'origin',
        ref: first.name,
        remoteRef: first.name,
        tags: true,
      }),
    );
  }
  return { url: http.foundAt(), refs, head: headOf(listed ?? [], refs), packBytes: pack.sizeBytes() };
}

/** Old servers do not say which branch HEAD is; then it is one that leads to the same commit. */
function headOf(listed: readonly ServerRef[], refs: readonly RemoteRef[]): string | undefined {
  const head = listed.find(({ ref }) => ref === 'HEAD');
  const branches = refs.filter(({ name }) => name.startsWith('refs/heads/'));
  const named = branches.find(({ name }) => name === head?.target);
  return (named ?? branches.find(({ target }) => target === head?.oid))?.name;
}

const GITDIR = '/remote';
const CONFIG_FILE = `${GITDIR}/config`;
const CONFIG = '[remote "origin"]\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n';

/** Thrown to end a fetch whose pack is here. */
class PackCaught extends Error {}

/** A file system with hardly a file, whose one use is to be given a pack. */
function createPackCatcher(path: string): {
  readonly fs: PromiseFsClient;
  isCaught(error: unknown): boolean;
  sizeBytes(): number;
} {
  let sizeBytes = 0;
  const absent = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('there is no such file'), { code: 'ENOENT' }));
  const nothing = (): Promise<void> => Promise.resolve();
  const promises = {
    readFile: (name?: string) => (name === CONFIG_FILE ? Promise.resolve(CONFIG) : absent()),
    ...{ stat: absent, lstat: absent, readlink: absent, unlink: absent, rmdir: absent },
    ...{ mkdir: nothing, symlink: nothing, chmod: nothing },
    readdir: () => Promise.resolve([]),
    writeFile(name: string, content: Uint8Array | string): Promise<void> {
      if (!name.endsWith('.pack') || typeof content === 'string') return nothing();
      // What fails is tried twice.
      if (sizeBytes === 0) {
        const file = openRandomAccess(path);
        try {
          file.write(content, 0);
        } finally {
          file.close();
        }
        sizeBytes = content.byteLength;
      }
      return Promise.reject(new PackCaught());
    },
  };
  return {
    fs: { promises },
    isCaught: (error) => error instanceof PackCaught,
    sizeBytes: () => sizeBytes,
  };
}

interface CheckedHttpClient extends HttpClient {
  /** Throws what went wrong with a body. */
  check(): void;
  foundAt(): string;
}

/**
 * HTTP for isomorphic-git with what its own client lacks: back-pressure, a limit, an end from outside, and git's rule
 * that whoever is sent elsewhere with the first question asks all others there. A body that fails ends early and is
 * found out by `check`, since a rejection while it is read is handled by nobody there.
 */
function createHttpClient(
  { url, authorization }: RemoteAddress,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): CheckedHttpClient {
  let base = url;
  let failure: Error | undefined;

  async function* bounded(
    body: ReadableStream<Uint8Array> | null,
    limit: number,
  ): AsyncGenerator<Uint8Array> {
    if (!body) return;
    let sizeBytes = 0;
    try {
      for await (const piece of body) {
        sizeBytes += piece.byteLength;
        if (sizeBytes > limit) throw tooLarge(limit);
        yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      }
    } catch (error) {
      failure ??= toHubError(error, url);
    }
  }

  return {
    async request({
      url: asked,
      method = 'GET',
      headers = {},
      body,
    }: GitHttpRequest): Promise<GitHttpResponse> {
      signal.throwIfAborted();
      const address = base + asked.slice(url.length);
      const isOwn = new URL(address).origin === new URL(url).origin;
      const response = await callOut(address, {
        method,
        headers: { ...headers, ...(authorization !== undefined && isOwn ? { authorization } : {}) },
        signal,
        ...(body === undefined ? {} : { body: new Uint8Array(await joined(body)) }),
      });
      if (response.ok && response.url.endsWith(DISCOVERY)) base = response.url.slice(0, -DISCOVERY.length);
      const isDiscovery = asked.endsWith(DISCOVERY);
      if (response.ok && !isDiscovery && response.headers.get('content-type') !== ANSWER_TYPE) {
        await response.body?.cancel();
        throw notGit(url);
      }
      return {
        url: response.url,
        method,
        statusCode: response.status,
        statusMessage: response.statusText,
        headers: Object.fromEntries(response.headers),
        body: bounded(response.body, isDiscovery ? Math.min(MAX_REFS_BYTES, maxBytes) : maxBytes),
      };
    },
    check() {
      if (failure !== undefined) throw failure;
    },
    foundAt: () => base,
  };
}

async function joined(body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Codes of isomorphic-git for answers that are not what git servers send. */
const NOT_GIT: ReadonlySet<string> = new Set([
  ...['SmartHttpError', 'ParseError', 'EmptyServerResponseError', 'InvalidOidError'],
]);

const notGit = (url: string): HubError => new HubError('NotFound', `There is no git repository at ${url}.`);

const noHead = (url: string): HubError =>
  new HubError('InvalidRequest', `HEAD of the repository at ${url} is no branch. ${BY_GIT}`);

const BY_GIT =
  'Create an empty repository here instead, and copy with git itself: "git clone --mirror" from there, then ' +
  '"git push --mirror" to here.';

const tooLarge = (limit: number): HubError =>
  new HubError(
    'BodyTooLarge',
    `The repository sends more than ${limit} bytes, too many to be imported. ${BY_GIT}`,
  );

/** Errors of isomorphic-git and of `fetch`, in words for whoever gave the address. */
function toHubError(error: unknown, url: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof HubError) return error;
  if (error.name === 'AbortError') return new HubError('Unavailable', 'The import was given up.');
  const { code, data, cause } = error as Error & {
    readonly code?: unknown;
    readonly data?: { readonly statusCode?: number };
    readonly cause?: { readonly code?: unknown };
  };
  const status = code === 'HttpError' ? data?.statusCode : undefined;
  if (status === 401 || status === 403) {
    return new HubError(
      'InvalidCredentials',
      `${url} asks for credentials, or does not take those it got (status ${status}).`,
    );
  }
  if (status === 404 || status === 410) return notGit(url);
  if (status !== undefined) return new HubError('Unavailable', `${url} answers with status ${status}.`);
  if (error instanceof TypeError && error.message === 'fetch failed') {
    const why = typeof cause?.code === 'string' ? cause.code : 'unknown error';
    return new HubError('Unavailable', `${url} cannot be reached (${why}).`, { cause: error });
  }
  if (error instanceof TypeError && error.message === 'terminated') {
    return new HubError('Unavailable', `The connection to ${url} broke.`, { cause: error });
  }
  return typeof code === 'string' && NOT_GIT.has(code) ? notGit(url) : error;
}
