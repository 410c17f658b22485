import { parseCommitLine, type CommitHeader, type CommitLine } from '../domain/commit-lines.ts';
import type { ChangeOperation } from '../domain/change-set.ts';
import { HubError, isHubError } from '../domain/errors.ts';
import { parsePointer } from '../domain/lfs.ts';
import type { ObjectStaging } from './object-staging.ts';
import type { ByteSource } from '../objects/object-store.ts';

export interface IntakeLimits {
  /** A regular file above this must be sent as a large file. */
  readonly maxInlineBytes: number;
  readonly maxLines: number;
}

/** A commit as it was received: its blobs are staged, and nothing of it can be seen yet. */
export interface ReceivedCommit {
  readonly header: CommitHeader;
  readonly operations: readonly ChangeOperation[];
}

/** Looks at a regular file while its content is at hand; throws to refuse the commit. */
export type FileCheck = (path: string, content: Buffer) => Promise<void>;

/** Room for JSON around the base64 of the largest inline file. */
const LINE_OVERHEAD_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/**
 * Read the NDJSON of a commit as it arrives, one line in memory at a time, and stage its blobs. Throws the errors
 * of `parseCommitLine` with the number of the line, UseLfs, BodyTooLarge and TooManyItems.
 */
export async function receiveCommit(
  body: ByteSource,
  staging: ObjectStaging,
  limits: IntakeLimits,
  check: FileCheck,
): Promise<ReceivedCommit> {
  const operations: ChangeOperation[] = [];
  let header: CommitHeader | undefined;
  let number = 0;
  for await (const bytes of splitLines(body, maxLineBytes(limits))) {
    number++;
    if (number > limits.maxLines)
      throw new HubError('TooManyItems', `A commit may have ${limits.maxLines} lines.`);
    try {
      const line = parseCommitLine(decodeLine(bytes, number));
      if (line.kind === 'header') {
        if (header) throw new HubError('InvalidBody', 'there is a second header.');
        header = line;
      } else {
        if (!header) throw new HubError('InvalidBody', 'the first line must be the header.');
        operations.push(await toOperation(line, staging, limits, check));
      }
    } catch (error) {
      throw isHubError(error) ? atLine(error, number) : error;
    }
  }
  if (!header) throw new HubError('InvalidBody', 'A commit starts with a header line.');
  return { header, operations };
}

const maxLineBytes = (limits: IntakeLimits): number =>
  Math.ceil((limits.maxInlineBytes * 4) / 3) + LINE_OVERHEAD_BYTES;

const atLine = (error: HubError, number: number): HubError =>
  new HubError(error.code, `Line ${number}: ${error.message}`, {
    details: { ...error.details, line: number },
    cause: error.cause,
  });

function decodeLine(bytes: Buffer, number: number): string {
  const text = bytes.toString('utf8');
  // Bytes that are not UTF-8 become U+FFFD, which then encodes to another length or other bytes.
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes)) {
    throw new HubError('InvalidBody', 'the text is not valid UTF-8.');
  }
  if (number === 1 && text.startsWith('\ufeff')) {
    throw new HubError('InvalidBody', 'the body starts with a byte order mark.');
  }
  return text;
}

async function toOperation(
  line: Exclude<CommitLine, { kind: 'header' }>,
  staging: ObjectStaging,
  limits: IntakeLimits,
  check: FileCheck,
): Promise<ChangeOperation> {
  if (line.kind !== 'file') return line;
  const { path, content } = line;
  if (content.byteLength > limits.maxInlineBytes) {
    throw new HubError(
      'UseLfs',
      `Files over ${limits.maxInlineBytes} bytes must be uploaded as large files.`,
    );
  }
  // A pointer sent as a regular file means the object it names, so it is held to the same rules.
  const pointer = parsePointer(content);
  if (pointer) return { kind: 'lfs-file', path, ...pointer };
  await check(path, content);
  const oid = await staging.add('blob', content);
  return { kind: 'file', path, oid, sizeBytes: content.byteLength };
}

/** Lines without their ends; blank lines are left out. Throws BodyTooLarge for a line beyond the limit. */
async function* splitLines(body: ByteSource, maxBytes: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = joinLine(held, chunk.subarray(start, end));
      held = [];
      heldBytes = 0;
      start = end + 1;
      if (line.byteLength > maxBytes) throw lineTooLong(maxBytes);
      if (line.byteLength > 0) yield line;
    }
    if (start < chunk.byteLength) {
      held.push(chunk.subarray(start));
      heldBytes += chunk.byteLength - start;
      if (heldBytes > maxBytes) throw lineTooLong(maxBytes);
    }
  }
  const last = joinLine(held, new Uint8Array());
  if (last.byteLength > 0) yield last;
}

function joinLine(held: readonly Uint8Array[], end: Uint8Array): Buffer {
  const line = Buffer.concat([...held, end]);
  const withoutReturn = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
  return withoutReturn.every((byte) => byte === 0x20 || byte === 0x09) ? Buffer.alloc(0) : withoutReturn;
}

const lineTooLong = (maxBytes: number): HubError =>
  new HubError('BodyTooLarge', `A line of a commit may have ${maxBytes} bytes.`);
