import { HubError } from './errors.ts';
import { isXetHash, type XetHash } from './ids.ts';
import { parseJson } from './json-text.ts';
import { parsePath, parseWritablePath, shown } from './names.ts';
import { isRecord } from './plain-json.ts';
import { REPO_KINDS, type HeldKind } from './repo.ts';

/** What an uploader says of a file beside its content. */
export interface BucketFileFacts {
  /** When it was changed where it comes from, in milliseconds since the epoch. */
  readonly modifiedAt: number | undefined;
  readonly contentType: string | undefined;
}

/** One line of a batch of changes to a bucket (contract 1.4). */
export type BucketLine =
  | ({ readonly kind: 'add'; readonly path: string; readonly xetHash: XetHash } & BucketFileFacts)
  | ({
      readonly kind: 'copy';
      readonly path: string;
      readonly xetHash: XetHash;
      readonly source: { readonly kind: HeldKind; readonly owner: string; readonly name: string };
    } & BucketFileFacts)
  | { readonly kind: 'delete'; readonly path: string };

/** A content type is shown in lists, and never sent as a header: what is served goes by the name of the file. */
const CONTENT_TYPE = /^[\x20-\x7e]{1,255}$/;
/** What a date can be, in milliseconds to both sides of the epoch. */
const MAX_TIME = 8.64e15;

/** Read one line. Throws InvalidBody, InvalidPath and ReservedName. */
export function parseBucketLine(text: string): BucketLine {
  const line = parseJson(text);
  if (!isRecord(line)) throw new HubError('InvalidBody', 'Each line must be an object with a "type".');
  switch (line['type']) {
    case 'addFile':
      return { kind: 'add', path: parseWritablePath(line['path']), ...contentOf(line) };
    case 'copyFile':
      return {
        kind: 'copy',
        path: parseWritablePath(line['path']),
        ...contentOf(line),
        source: { kind: parseKind(line['sourceRepoType']), ...parseSource(line['sourceRepoId']) },
      };
    case 'deleteFile':
      return { kind: 'delete', path: parsePath(line['path']) };
    default:
      throw new HubError('InvalidBody', 'The "type" of a line must be addFile, copyFile or deleteFile.');
  }
}

function contentOf(line: Readonly<Record<string, unknown>>) {
  const { xetHash, mtime, contentType } = line;
  if (typeof xetHash !== 'string' || !isXetHash(xetHash)) {
    throw new HubError('InvalidBody', 'The "xetHash" must have 64 hex digits in lower case.');
  }
  return { xetHash, modifiedAt: parseTime(mtime), contentType: parseContentType(contentType) };
}

function parseTime(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || Math.abs(value) > MAX_TIME) {
    throw new HubError('InvalidBody', 'The "mtime" must be a number of milliseconds since 1970.');
  }
  return Math.trunc(value);
}

function parseContentType(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !CONTENT_TYPE.test(value)) {
    throw new HubError('InvalidBody', 'The "contentType" must be printable ASCII of at most 255 characters.');
  }
  return value;
}

function parseKind(value: unknown): HeldKind {
  const kind = [...REPO_KINDS, 'bucket' as const].find((one) => one === value);
  if (kind === undefined) {
    throw new HubError(
      'InvalidBody',
      'The "sourceRepoType" must be model, dataset, space, kernel or bucket.',
    );
  }
  return kind;
}

function parseSource(value: unknown): { readonly owner: string; readonly name: string } {
  const [owner = '', name, ...others] = typeof value === 'string' ? value.split('/') : [];
  if (name === undefined || others.length > 0) {
    const given = typeof value === 'string' ? ` "${shown(value)}"` : '';
    throw new HubError('InvalidBody', `The "sourceRepoId"${given} must be like "owner/name".`);
  }
  return { owner, name };
}
