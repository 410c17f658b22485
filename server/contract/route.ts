import type { z } from 'zod';
import type { AccountScope, NamespaceRight, RepoRight } from '../domain/access.ts';
import type { ErrorCode } from '../domain/errors.ts';

/**
 * Who may call a route. There is no default: a route without it does not compile.
 *
 * - `repo`: the repository, or the bucket, in the path, with this right; the handler receives a `Granted`. With
 *   `ownName` a former name does not lead to it; with `lfsAccess` the credential that `git-lfs-authenticate` gives by SSH
 *   counts as well
 * - `reader`: a user who may read the repository in the path, and leaves a mark of their own there, such as a like; a
 *   read token may not
 * - `signedIn`: a user, whose credential is good for that scope (`AccountScope`)
 * - `namespace`: checked by the service against the namespace in the body; the caller must be signed in
 * - `anyone`: nobody is asked who they are, or it does not matter; the reason is part of the text
 * - `capability`: the URL or its own token carries the permission, and the handler proves it
 * - `setupOnce`: the one-time secret, while there is no account
 */
export type Access =
  | {
      readonly kind: 'repo';
      readonly right: RepoRight;
      readonly of?: 'bucket';
      readonly ownName?: true;
      readonly lfsAccess?: true;
    }
  | { readonly kind: 'reader' }
  | { readonly kind: 'signedIn'; readonly scope: AccountScope }
  | { readonly kind: 'namespace'; readonly right: NamespaceRight }
  | { readonly kind: 'anyone'; readonly reason: string }
  | { readonly kind: 'capability'; readonly reason: string }
  | { readonly kind: 'setupOnce' };

export const repo = <Right extends RepoRight>(right: Right): { kind: 'repo'; right: Right } => ({
  kind: 'repo',
  right,
});
/** For the routes of git-lfs. */
export const lfsRepo = <Right extends RepoRight>(
  right: Right,
): { kind: 'repo'; right: Right; lfsAccess: true } => ({ kind: 'repo', right, lfsAccess: true });
export const bucket = <Right extends RepoRight>(
  right: Right,
): { kind: 'repo'; right: Right; of: 'bucket' } => ({ kind: 'repo', right, of: 'bucket' });
export const reader = (): { kind: 'reader' } => ({ kind: 'reader' });
export const signedIn = (scope: AccountScope): { kind: 'signedIn'; scope: AccountScope } => ({
  kind: 'signedIn',
  scope,
});
export const namespace = (right: NamespaceRight): { kind: 'namespace'; right: NamespaceRight } => ({
  kind: 'namespace',
  right,
});
export const anyone = (reason: string): { kind: 'anyone'; reason: string } => ({ kind: 'anyone', reason });
export const capability = (reason: string): { kind: 'capability'; reason: string } => ({
  kind: 'capability',
  reason,
});
export const setupOnce = (): { kind: 'setupOnce' } => ({ kind: 'setupOnce' });

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How a request body is read. Streams are never buffered by the adapter. */
export type BodyKind<Schema extends z.ZodType = z.ZodType> =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'json';
      readonly schema: Schema;
      readonly maxBytes: number;
      readonly mediaTypes?: readonly string[];
    }
  | { readonly kind: 'form-or-json'; readonly schema: Schema; readonly maxBytes: number }
  | { readonly kind: 'stream'; readonly mediaTypes?: readonly string[] };

/**
 * How failures are written: the Hub's JSON, the form of the Git LFS specification or of OAuth (RFC 6749, 5.2), or the
 * plain text that git shows to the person.
 */
export type ErrorForm = 'hub' | 'lfs' | 'oauth' | 'git';

export interface Route<
  A extends Access = Access,
  Query extends z.ZodType = z.ZodType,
  Body extends BodyKind = BodyKind,
  Answer = unknown,
  Verb extends Method = Method,
  Path extends string = string,
> {
  readonly method: Verb;
  /**
   * Raw path pattern. `:name` is one part; a final `*` is the rest, at least one part, undecoded; `**` may be
   * empty. One word may follow a `*`: then the rest is what stands before it. `:kind` stands for models, datasets, spaces and kernels; a leading `/:prefix?` for the same or nothing
   * (a model).
   */
  readonly path: Path;
  readonly access: A;
  readonly summary: string;
  readonly query: Query;
  readonly body: Body;
  /** The type of the JSON answer, made with `reply`; it has no value. */
  readonly answer: Answer;
  /** Statuses other than errors that the route answers with. */
  readonly replies: readonly number[];
  /** Error codes beyond those that every route can answer with (see `http/errors.ts`). */
  readonly errors: readonly ErrorCode[];
  readonly errorForm: ErrorForm;
}

type Given = 'method' | 'path' | 'access' | 'summary' | 'query' | 'body';
type Defaulted = 'answer' | 'replies' | 'errors' | 'errorForm';

/** Declare a route. What is left out: any JSON, answers 200, no special errors, Hub error form. */
export const route = <
  A extends Access,
  Query extends z.ZodType,
  Body extends BodyKind,
  const Verb extends Method,
  const Path extends string,
  Answer = unknown,
>(
  input: Pick<Route<A, Query, Body, Answer, Verb, Path>, Given> &
    Partial<Pick<Route<A, Query, Body, Answer, Verb, Path>, Defaulted>>,
): Route<A, Query, Body, Answer, Verb, Path> => ({
  answer: reply<Answer>(),
  replies: [200],
  errors: [],
  errorForm: 'hub',
  ...input,
});

/** The type of a route's JSON answer: server and page are both held to it. */
export const reply = <Answer>(): Answer => undefined as Answer;

export const noBody = { kind: 'none' } as const;
export const streamBody = (
  mediaTypes?: readonly string[],
): { kind: 'stream'; mediaTypes?: readonly string[] } =>
  mediaTypes ? { kind: 'stream', mediaTypes } : { kind: 'stream' };
export const jsonBody = <Schema extends z.ZodType>(
  schema: Schema,
  options: { maxBytes?: number; mediaTypes?: readonly string[] } = {},
): { kind: 'json'; schema: Schema; maxBytes: number; mediaTypes?: readonly string[] } => ({
  kind: 'json',
  schema,
  maxBytes: options.maxBytes ?? 1024 * 1024,
  ...(options.mediaTypes ? { mediaTypes: options.mediaTypes } : {}),
});

/** Any declared route, for code that is typed by one. */
export type AnyRoute = Route<Access, z.ZodType, BodyKind, unknown>;

/** What a caller sends to a route as its JSON body. */
export type BodyInput<R extends AnyRoute> = R['body'] extends {
  readonly schema: infer Schema extends z.ZodType;
}
  ? z.input<Schema>
  : undefined;

/** The JSON that a route answers with. */
export type AnswerOf<R extends AnyRoute> = R['answer'];
