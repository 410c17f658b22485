import { inspect } from 'node:util';

const HIDDEN = '[hidden]';
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_TEXT = 16_384;

/** Fields whose text is never logged, compared without case, dashes and underscores. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'cookies',
  'setcookie',
  'password',
  'passwordhash',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'secret',
  'clientsecret',
  'setupsecret',
  'secretaccesskey',
  'sessiontoken',
  'sessionid',
  'apikey',
  'privatekey',
  'credentials',
  'signature',
]);

/**
 * Secrets by their shape, wherever they stand in a text: tokens, password hashes, what follows `Bearer` and
 * `Basic`, passwords in URLs, and the parts of a query that sign it or carry a secret.
 */
const SECRET_SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\bhf_[A-Za-z0-9]{4,}/g, 'hf_[hidden]'],
  [/\$scrypt\$[^\s"]+/g, '$scrypt$[hidden]'],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}/gi, '$1 [hidden]'],
  [/(\/\/)[^/\s:@"]*:[^/\s@"]+@/g, '$1[hidden]@'],
  [
    /([?&;](?:sig|signature|token|access_token|secret|password|key|code|credential|policy|x-amz-[a-z-]+|awsaccesskeyid)=)[^&\s"'\\<>#]+/gi,
    '$1[hidden]',
  ],
  [/\b((?:set-)?cookie:\s*)[^\r\n"]+/gi, '$1[hidden]'],
];

/** The text with everything that looks like a secret hidden. */
export function redactText(text: string): string {
  let redacted = text;
  for (const [shape, replacement] of SECRET_SHAPES) redacted = redacted.replace(shape, replacement);
  return redacted;
}

const foldField = (name: string): string => name.replace(/[-_]/g, '').toLowerCase();

/**
 * A copy that may be logged: secrets hidden by the name of their field and by their shape, errors written out
 * with their causes, depth, length and number of items bounded, cycles cut.
 */
export function redactValue(value: unknown): unknown {
  return redact(value, 0, new Set());
}

function redact(value: unknown, depth: number, above: ReadonlySet<object>): unknown {
  if (typeof value === 'string')
    return redactText(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (above.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[deep]';
  const inside = new Set([...above, value]);
  const deeper = (item: unknown): unknown => redact(item, depth + 1, inside);
  if (value instanceof Error) return redactError(value, deeper);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return value.toJSON();
  if (value instanceof URL) return redactText(value.href);
  // Such a value decides itself how it may be seen (config Secrets print as dots).
  if (hasToJson(value)) return deeper(value.toJSON());
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(deeper);
  if (value instanceof Map || value instanceof Set) return redactText(inspect(value, { depth: 0 }));
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value).slice(0, MAX_ITEMS)) {
    copy[name] = SECRET_FIELDS.has(foldField(name)) && isTelling(item) ? HIDDEN : deeper(item);
  }
  return copy;
}

/** Counts and switches may carry a name like `token`; texts, lists and objects under it are hidden. */
const isTelling = (value: unknown): boolean =>
  typeof value === 'string' || (typeof value === 'object' && value !== null);

const hasToJson = (value: object): value is { toJSON(): unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function';

function redactError(error: Error, deeper: (item: unknown) => unknown): unknown {
  const { code, details } = error as { readonly code?: unknown; readonly details?: unknown };
  return {
    type: error.name,
    message: redactText(error.message),
    ...(code === undefined ? {} : { code: deeper(code) }),
    ...(details === undefined ? {} : { details: deeper(details) }),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: deeper(error.cause) }),
  };
}
