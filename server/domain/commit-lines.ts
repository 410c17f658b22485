import { parseDeletedFolder } from './change-set.ts';
import { HubError } from './errors.ts';
import { isSha256, type Sha256 } from './ids.ts';
import { parseJson } from './json-text.ts';
import { parsePath, parseWritablePath } from './names.ts';

const PARENT = /^[0-9a-f]{7,40}$/;

/** What a commit says about itself. The author comes from the credentials, never from here. */
export interface CommitHeader {
  readonly summary: string;
  readonly description: string;
  /** The commit it must be made on: its id in hex, or the beginning of it. */
  readonly parentCommit: string | undefined;
}

/** One line of a commit's NDJSON (contract 3.4). */
export type CommitLine =
  | ({ readonly kind: 'header' } & CommitHeader)
  | { readonly kind: 'file'; readonly path: string; readonly content: Buffer }
  | {
      readonly kind: 'lfs-file';
      readonly path: string;
      readonly sha256: Sha256;
      readonly sizeBytes: number | undefined;
    }
  | {
      readonly kind: 'copy';
      readonly path: string;
      readonly from: string;
      readonly fromRevision: string | undefined;
    }
  | { readonly kind: 'delete-file'; readonly path: string }
  | { readonly kind: 'delete-folder'; readonly path: string };

const MAX_SUMMARY = 4096;
const MAX_DESCRIPTION = 64 * 1024;

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Read one line. Throws InvalidBody, InvalidPath, InvalidContent, InvalidOid or InvalidSize. */
export function parseCommitLine(text: string): CommitLine {
  const line = parseJson(text);
  if (!isMembers(line))
    throw new HubError('InvalidBody', 'Each line must be an object with "key" and "value".');
  const { key, value, ...others } = line;
  if (Object.keys(others).length > 0) {
    throw new HubError('InvalidBody', 'A line must have "key" and "value" and nothing else.');
  }
  if (!isMembers(value)) throw new HubError('InvalidBody', 'The "value" of a line must be an object.');
  switch (key) {
    case 'header':
      return parseHeader(value);
    case 'file':
      return { kind: 'file', path: parseWritablePath(value['path']), content: parseContent(value) };
    case 'lfsFile':
      return parseLfsFile(value);
    case 'copyFile':
      return {
        kind: 'copy',
        path: parseWritablePath(value['path']),
        from: parsePath(value['srcPath']),
        fromRevision: parseSourceRevision(value['srcRevision']),
      };
    case 'deletedFile':
      return { kind: 'delete-file', path: parsePath(value['path']) };
    case 'deletedFolder':
      return { kind: 'delete-folder', path: parseDeletedFolder(value['path']) };
    default:
      throw new HubError('InvalidBody', 'The "key" of a line is not known.');
  }
}

function parseHeader(value: Members): CommitLine {
  const { summary, description, parentCommit } = value;
  if (typeof summary !== 'string' || summary.trim() === '') {
    throw new HubError('InvalidBody', 'The header must have a "summary".');
  }
  if (description !== undefined && description !== null && typeof description !== 'string') {
    throw new HubError('InvalidBody', 'The "description" must be a string.');
  }
  const text = description ?? '';
  if (summary.length > MAX_SUMMARY)
    throw new HubError('BodyTooLarge', `The summary may have ${MAX_SUMMARY} characters.`);
  if (text.length > MAX_DESCRIPTION) {
    throw new HubError('BodyTooLarge', `The description may have ${MAX_DESCRIPTION} characters.`);
  }
  if (summary.includes('\0') || text.includes('\0')) {
    throw new HubError('InvalidBody', 'A commit message has no NUL character.');
  }
  if (!summary.isWellFormed() || !text.isWellFormed()) {
    throw new HubError('InvalidBody', 'A commit message must be valid Unicode.');
  }
  if (parentCommit !== undefined && parentCommit !== null) {
    if (typeof parentCommit !== 'string' || !PARENT.test(parentCommit)) {
      throw new HubError(
        'InvalidBody',
        'The "parentCommit" must be a commit id, or its first 7 digits or more.',
      );
    }
    return { kind: 'header', summary, description: text, parentCommit };
  }
  return { kind: 'header', summary, description: text, parentCommit: undefined };
}

function parseContent(value: Members): Buffer {
  const { content, encoding } = value;
  if (typeof content !== 'string')
    throw new HubError('InvalidBody', 'The "content" of a file must be a string.');
  if (encoding === 'base64') return decodeBase64(content);
  if (encoding !== undefined && encoding !== 'utf-8') {
    throw new HubError('InvalidBody', 'The "encoding" of a file must be "base64" or "utf-8".');
  }
  if (!content.isWellFormed()) throw new HubError('InvalidContent', 'The content is not valid Unicode.');
  return Buffer.from(content, 'utf8');
}

/**
 * Standard base64 with padding, and nothing else. Node's decoder skips what it does not know and takes characters
 * beyond ASCII by their low byte, so what it made is compared with how much there should be, and the last group with
 * how it would be written. Throws InvalidContent.
 */
export function decodeBase64(text: string): Buffer {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = Buffer.from(text, 'base64');
  const isWhole = text.length % 4 === 0 && bytes.byteLength === (text.length / 4) * 3 - padding;
  const isAscii = Buffer.byteLength(text) === text.length;
  const lastGroup = bytes.subarray(-(3 - padding)).toString('base64');
  if (!isWhole || !isAscii || !text.endsWith(lastGroup) || text.includes('-') || text.includes('_')) {
    throw new HubError('InvalidContent', 'The content is not valid base64.');
  }
  return bytes;
}

function parseLfsFile(value: Members): CommitLine {
  const path = parseWritablePath(value['path']);
  if (value['algo'] !== 'sha256')
    throw new HubError('InvalidBody', 'The "algo" of a large file must be "sha256".');
  const oid = value['oid'];
  if (typeof oid !== 'string' || !isSha256(oid)) {
    throw new HubError('InvalidOid', 'The "oid" of a large file must be a SHA-256 in lower-case hex.');
  }
  const size = value['size'];
  if (size === undefined) return { kind: 'lfs-file', path, sha256: oid, sizeBytes: undefined };
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new HubError('InvalidSize', 'The "size" of a large file must be a whole number of bytes.');
  }
  return { kind: 'lfs-file', path, sha256: oid, sizeBytes: size };
}

function parseSourceRevision(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '')
    throw new HubError('InvalidBody', 'The "srcRevision" must be a string.');
  return value;
}
