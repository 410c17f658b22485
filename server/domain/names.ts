import { HubError } from './errors.ts';

const MAX_NAME_LENGTH = 96;
const MAX_PATH_BYTES = 4096;
const MAX_PART_BYTES = 255;
const MAX_PATH_DEPTH = 255;

/** ASCII lower case: the one folding by which names are compared. Never the locale's. */
export const foldName = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));

/**
 * What two names must not share where each has to be told from the other: ASCII lower case without `-` and `_`. The
 * `.` stays, for it tells versions apart.
 */
export const normalName = (name: string): string => foldName(name).replace(/[-_]/g, '');

/**
 * Names no user or organization can have: every first path part of the Hub API, of the page and of the wire
 * protocols, so that `/{namespace}/{name}` never hides one of them.
 */
export const RESERVED_NAMESPACES: ReadonlySet<string> = new Set(
  `.well-known admin api assets buckets collections connect daily_papers datasets docs healthz join kernels login
   logout metrics models new oauth org organizations papers posts readyz resolve settings setup signup spaces tasks
   telemetry tokens uploads v1 v2 welcome xet`.split(/\s+/),
);

const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$/;

/** Names that Windows gives to devices, with any extension: a clone there would fail or worse. */
function isDeviceName(part: string): boolean {
  const stem = part.split('.', 1)[0] ?? part;
  return WINDOWS_DEVICE.test(foldName(stem.trimEnd()));
}

/** The client's own rule (`huggingface_hub` validators): word characters, `-`, `.`; no `--`, no `..`. */
function checkName(text: unknown, what: string): string {
  if (typeof text !== 'string') throw new HubError('InvalidBody', `${what} must be a string.`);
  const problem = nameProblem(text);
  if (problem) throw new HubError('InvalidName', `${what} ${problem}`);
  if (isDeviceName(text)) throw new HubError('ReservedName', `${what} is reserved by Windows.`);
  return text;
}

function nameProblem(text: string): string | undefined {
  if (text.length === 0) return 'must not be empty.';
  if (text.length > MAX_NAME_LENGTH) return `must have at most ${MAX_NAME_LENGTH} characters.`;
  if (!/^[A-Za-z0-9._-]+$/.test(text)) return 'may only have letters, digits, "-", "_" and ".".';
  if (/^[.-]|[.-]$/.test(text)) return 'must not start or end with "-" or ".".';
  if (/--|\.\./.test(text)) return 'must not have "--" or "..".';
  if (/\.git$/i.test(text)) return 'must not end with ".git".';
  return undefined;
}

/** A name for a user or an organization. Throws InvalidName, ReservedName or InvalidBody. */
export function parseNamespaceName(text: unknown): string {
  if (typeof text === 'string' && RESERVED_NAMESPACES.has(foldName(text))) {
    throw new HubError('ReservedName', `The name "${text}" is reserved.`);
  }
  return checkName(text, 'The name');
}

/** A name for a repository, without its owner. Throws InvalidName, ReservedName or InvalidBody. */
export function parseRepoName(text: unknown): string {
  return checkName(text, 'The repository name');
}

/** True when the text could name anything at all; lookups answer "not found" for what could not. */
export const couldBeName = (text: string): boolean =>
  text.length > 0 && text.length <= MAX_NAME_LENGTH && /^[A-Za-z0-9._-]+$/.test(text);

/** Code points that HFS+ ignores in names; `.g<U+200C>it` is `.git` there (git's own list, utf8.c). */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const BIDI_CONTROL = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/;
// eslint-disable-next-line no-control-regex -- control characters are exactly what this refuses
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

function isGitFolder(part: string): boolean {
  const plain = foldName(part.replace(HFS_IGNORED, ''));
  return /^(\.git|git~1)[. ]*(:.*)?$/.test(plain);
}

function partProblem(part: string): string | undefined {
  if (part === '') return 'has an empty part';
  if (part === '.' || part === '..') return 'has a "." or ".." part';
  if (isGitFolder(part)) return 'names a ".git" folder';
  if (part.includes('\\')) return 'has a backslash';
  if (Buffer.byteLength(part) > MAX_PART_BYTES) return `has a part of more than ${MAX_PART_BYTES} bytes`;
  return undefined;
}

function portabilityProblem(part: string): string | undefined {
  if (part.includes(':')) return 'has a colon, which Windows cannot store';
  if (/[. ]$/.test(part)) return 'has a part that ends with a dot or a space, which Windows cannot store';
  if (part !== part.trimEnd()) return 'has a part that ends with white space';
  return undefined;
}

/**
 * A path of a file or folder inside a repository, as it may be written: safe in git and on Linux, macOS and
 * Windows. Throws InvalidPath, ReservedName or InvalidBody.
 */
export function parseWritablePath(text: unknown): string {
  const path = parsePath(text);
  for (const part of path.split('/')) {
    const problem = portabilityProblem(part);
    if (problem) throw new HubError('InvalidPath', `The path "${shown(path)}" ${problem}.`);
    if (isDeviceName(part))
      throw new HubError('ReservedName', `"${shown(path)}" uses a name that Windows reserves.`);
  }
  if (path === '.cache' || path.startsWith('.cache/')) {
    throw new HubError('InvalidPath', 'The folder ".cache" belongs to the clients and is never stored.');
  }
  return path;
}

/** A path to look up or delete: well formed, but not held to what other systems can store. Throws InvalidPath. */
export function parsePath(text: unknown): string {
  if (typeof text !== 'string') throw new HubError('InvalidBody', 'A path must be a string.');
  const problem = pathProblem(text);
  if (problem) throw new HubError('InvalidPath', `The path "${shown(text)}" ${problem}.`);
  return text;
}

function pathProblem(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.startsWith('/')) return 'is absolute';
  if (!path.isWellFormed()) return 'is not valid Unicode';
  if (CONTROL.test(path)) return 'has a control character';
  if (BIDI_CONTROL.test(path)) return 'has a text direction override';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `has more than ${MAX_PATH_BYTES} bytes`;
  const parts = path.split('/');
  if (parts.length > MAX_PATH_DEPTH) return `is more than ${MAX_PATH_DEPTH} folders deep`;
  for (const part of parts) {
    const problem = partProblem(part);
    if (problem) return problem;
  }
  return undefined;
}

/** A path as it may stand in an error sentence: printable ASCII, at most 200 characters. */
export function shown(text: string): string {
  const ascii = text.replace(/[^\x20-\x7e]/g, '?').replace(/"/g, "'");
  return ascii.length > 200 ? `${ascii.slice(0, 197)}...` : ascii;
}
