/**
 * Every way in which the hub refuses or fails. The codes of the first group are read by Hugging Face clients
 * from `X-Error-Code`; the others are ours. Each wire maps the whole list once (`http/errors.ts`).
 */
export type ErrorCode =
  | 'RepoNotFound'
  | 'RevisionNotFound'
  | 'EntryNotFound'
  | 'GatedRepo'
  | 'RepoDisabled'
  | 'NotFound'
  | 'InvalidCredentials'
  | 'SignInRequired'
  | 'Forbidden'
  | 'HostNotAllowed'
  | 'CrossOriginDenied'
  | 'InvalidRequest'
  | 'HeadersTooLarge'
  | 'InvalidBody'
  | 'InvalidParameter'
  | 'InvalidCursor'
  | 'InvalidName'
  | 'ReservedName'
  | 'InvalidPath'
  | 'InvalidRevision'
  | 'InvalidContent'
  | 'InvalidOid'
  | 'InvalidSize'
  | 'InvalidPart'
  | 'InvalidMetadata'
  | 'InvalidObject'
  | 'InvalidKey'
  | 'PathCollision'
  | 'UseLfs'
  | 'LfsNotUploaded'
  | 'LfsMismatch'
  | 'UnprocessableObject'
  | 'Conflict'
  | 'RefMoved'
  | 'PreconditionFailed'
  | 'BodyTooLarge'
  | 'TooManyItems'
  | 'LengthRequired'
  | 'BadRange'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'UnsupportedMediaType'
  | 'UnsupportedEncoding'
  | 'ExpectationFailed'
  | 'TooManyRequests'
  | 'RequestTimeout'
  | 'Gone'
  | 'QuotaExceeded'
  | 'InsufficientStorage'
  | 'NotSupported'
  | 'Unavailable'
  | 'CorruptObject'
  | 'Internal';

/** Structured facts of a failure that are safe to show, e.g. `{ size: 10 }` for BadRange. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error type of the hub. `message` is safe to show to anybody who can make the call; `details` is
 * structured and safe; `cause` is private and only ever logged.
 */
export class HubError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly details?: ErrorDetails; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HubError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Narrow an unknown throwable to a HubError, optionally of one code. */
export function isHubError(error: unknown, code?: ErrorCode): error is HubError {
  return error instanceof HubError && (code === undefined || error.code === code);
}

/** Without a full stop: clients leave out a sentence that their own already holds ("Repository Not Found for url"). */
export const repoNotFound = (): HubError => new HubError('RepoNotFound', 'Repository not found');

export const revisionNotFound = (revision: string): HubError =>
  new HubError('RevisionNotFound', `Invalid rev id: ${revision}`);

export const entryNotFound = (path: string): HubError =>
  new HubError('EntryNotFound', `Entry not found: ${path}`);

export const invalidCredentials = (): HubError =>
  new HubError('InvalidCredentials', 'Invalid credentials in Authorization header');

export const signInRequired = (): HubError =>
  new HubError('SignInRequired', 'Sign in or send an access token to do this.');

export const forbidden = (message: string): HubError => new HubError('Forbidden', message);

export const conflict = (message: string, details?: ErrorDetails): HubError =>
  new HubError('Conflict', message, details ? { details } : {});

/** A stored object does not have the bytes its name promises. Never the caller's fault. */
export const corruptObject = (what: string, cause?: unknown): HubError =>
  new HubError('CorruptObject', `Stored object is damaged: ${what}`, { cause });
