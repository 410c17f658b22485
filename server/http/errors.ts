import { type ErrorForm } from '../contract/route.ts';
import { HubError, type ErrorCode } from '../domain/errors.ts';
import type { Reply } from './reply.ts';

/** The one map from what went wrong to an HTTP status. The type keeps it complete. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  RepoNotFound: 404,
  RevisionNotFound: 404,
  EntryNotFound: 404,
  GatedRepo: 403,
  RepoDisabled: 403,
  NotFound: 404,
  InvalidCredentials: 401,
  SignInRequired: 401,
  Forbidden: 403,
  HostNotAllowed: 403,
  CrossOriginDenied: 403,
  InvalidRequest: 400,
  HeadersTooLarge: 431,
  InvalidBody: 400,
  InvalidParameter: 400,
  InvalidCursor: 400,
  InvalidName: 400,
  ReservedName: 400,
  InvalidPath: 400,
  InvalidRevision: 400,
  InvalidContent: 400,
  InvalidOid: 400,
  InvalidSize: 400,
  InvalidPart: 400,
  InvalidMetadata: 400,
  InvalidObject: 400,
  InvalidKey: 400,
  PathCollision: 400,
  UseLfs: 400,
  LfsNotUploaded: 400,
  LfsMismatch: 422,
  UnprocessableObject: 422,
  Conflict: 409,
  RefMoved: 412,
  PreconditionFailed: 412,
  BodyTooLarge: 413,
  TooManyItems: 413,
  LengthRequired: 411,
  BadRange: 416,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  UnsupportedMediaType: 415,
  UnsupportedEncoding: 415,
  ExpectationFailed: 417,
  TooManyRequests: 429,
  RequestTimeout: 408,
  Gone: 410,
  QuotaExceeded: 403,
  InsufficientStorage: 507,
  NotSupported: 501,
  Unavailable: 503,
  CorruptObject: 500,
  Internal: 500,
};

const MAX_HEADER_TEXT = 1000;

/**
 * A sentence as it may stand in a header: printable ASCII, and otherwise just as in the body, for clients show both
 * where they differ.
 */
const headerText = (message: string): string =>
  message.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_HEADER_TEXT);

const BASIC = 'Basic realm="Atoll"';

/** The quota that was reached, in the form that the Hub's clients wait by (contract 0.1). */
function rateLimitHeaders({ details }: HubError, retryAfterSeconds: number): Record<string, string> {
  const { limit, quota, windowSeconds } = details;
  if (typeof limit !== 'string') return {};
  return {
    ratelimit: `"${limit}";r=0;t=${Math.ceil(retryAfterSeconds)}`,
    'ratelimit-policy': `"fixed window";"${limit}";q=${String(quota)};w=${String(windowSeconds)}`,
  };
}

/** OAuth's own name of what went wrong (RFC 6749, 5.2). */
function oauthErrorOf({ code, details }: HubError): string {
  if (typeof details['oauthError'] === 'string') return details['oauthError'];
  return code === 'TooManyRequests' || STATUS[code] >= 500 ? 'temporarily_unavailable' : 'invalid_request';
}

/** Codes whose failure is ours: the cause is logged, and the caller learns the request id only. */
export const isOurFault = (code: ErrorCode): boolean => STATUS[code] >= 500 && code !== 'NotSupported';

/** Anything thrown that is not a HubError is a defect of ours. */
export const asHubError = (error: unknown): HubError =>
  error instanceof HubError
    ? error
    : new HubError('Internal', 'The hub failed to answer this request.', { cause: error });

function statusOf(
  { code, details }: HubError,
  context: { readonly isAnonymous: boolean; readonly form: ErrorForm },
): number {
  if (code === 'RepoNotFound' && context.isAnonymous) return 401;
  // The path is good by itself: what it collides with is its twin in another case or Unicode form.
  if (code === 'PathCollision' && details['twin'] !== undefined) return 409;
  // A file is announced at a path that no repository can hold (`test_create_file_with_relative_path` of the Python client).
  if (code === 'InvalidPath' && details['file'] !== undefined) return 422;
  // The git-lfs API says 422 for a body that does not validate.
  if (code === 'InvalidBody' && context.form === 'lfs') return 422;
  // Too many in one body is 413; to own too many is no matter of the body.
  if (code === 'TooManyItems' && details['most'] !== undefined) return 400;
  // RFC 6749 5.2: 401 is for a client that does not prove who it is, everything else about the request is 400.
  if (context.form === 'oauth' && [413, 415].includes(STATUS[code])) return 400;
  return STATUS[code];
}

/**
 * Write a failure. A repository that is absent or hidden is 401 to somebody who did not sign in, so that
 * clients ask for credentials, and 404 to everybody else (contract 0.1).
 */
export function errorReply(
  error: HubError,
  context: { readonly requestId: string; readonly isAnonymous: boolean; readonly form: ErrorForm },
): Reply {
  const status = statusOf(error, context);
  const headers: Record<string, string> = {
    'x-error-code': error.code,
    'x-error-message': headerText(error.message),
    'cache-control': 'no-store',
  };
  if (status === 416) headers['content-range'] = `bytes */${String(error.details['sizeBytes'] ?? '*')}`;
  if (status === 401 && context.form === 'lfs') headers['lfs-authenticate'] = BASIC;
  // Git and git-lfs ask for credentials only when they are challenged to (contract 5.5).
  if (status === 401 && (context.form === 'lfs' || context.form === 'git'))
    headers['www-authenticate'] = BASIC;
  const { methods } = error.details;
  if (status === 405 && Array.isArray(methods)) headers['allow'] = methods.join(', ');
  const retryAfter = error.details['retryAfterSeconds'];
  if (typeof retryAfter === 'number') {
    headers['retry-after'] = String(Math.ceil(retryAfter));
    Object.assign(headers, rateLimitHeaders(error, retryAfter));
  }
  if (context.form === 'lfs') {
    headers['content-type'] = 'application/vnd.git-lfs+json';
    return {
      status,
      headers,
      // git-lfs reads `message`, Hugging Face clients `error`.
      body: {
        kind: 'json',
        value: {
          ...error.details,
          message: error.message,
          error: error.message,
          request_id: context.requestId,
        },
      },
    };
  }
  if (context.form === 'oauth') {
    if (error.code === 'InvalidCredentials') headers['www-authenticate'] = BASIC;
    const value = { error: oauthErrorOf(error), error_description: error.message };
    return { status, headers, body: { kind: 'json', value } };
  }
  if (context.form === 'git')
    return {
      status,
      headers,
      body: { kind: 'text', text: `${error.message}\n`, mediaType: 'text/plain; charset=utf-8' },
    };
  const value = { error: error.message, ...error.details, code: error.code, requestId: context.requestId };
  return { status, headers, body: { kind: 'json', value } };
}
