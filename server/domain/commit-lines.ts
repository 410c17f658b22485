import { decodeBase64 } from './base64.ts';
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

/** The content of a file as a line has it. */
export interface EncodedContent {
  readonly content: string;
  readonly encoding: 'base64' | 'utf-8';
}

/** One line of a commit's NDJSON (contract 3.4). */
export type CommitLine =
  | ({ readonly kind: 'header' } & CommitHeader)
  | ({ readonly kind: 'file'; readonly path: string } & EncodedContent)
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

/** Read one line. Throws InvalidBody, InvalidPath, InvalidOid or InvalidSize. */
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
      return { kind: 'file', path: parseWritablePath(value['path']), ...parseContent(value) };
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

function parseContent(value: Members): EncodedContent {
  const { content, encoding } = value;
  if (typeof content !== 'string')
    throw new HubError('InvalidBody', 'The "content" of a file must be a string.');
  if (encoding !== undefined && encoding !== 'utf-8' && encoding !== 'base64') {
    throw new HubError('InvalidBody', 'The "encoding" of a file must be "base64" or "utf-8".');
  }
  return { content, encoding: encoding ?? 'utf-8' };
}

/** Throws InvalidContent. */
export function decodeContent({ content, encoding }: EncodedContent): Buffer {
  if (encoding === 'base64') return decodeBase64(content);
  if (!content.isWellFormed()) throw new HubError('InvalidContent', 'The content is not valid Unicode.');
  return Buffer.from(content, 'utf8');
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
