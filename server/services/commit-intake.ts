import type { ChangeOperation } from '../domain/change-set.ts';
import type { CommitHeader } from '../domain/commit-lines.ts';
import { HubError, isHubError } from '../domain/errors.ts';
import { parsePointer } from '../domain/lfs.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import { atLine, splitLines } from './body-lines.ts';
import { readCommitLine, type ReadLine } from './commit-line.ts';
import type { ObjectStaging } from './object-staging.ts';

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

/**
 * Read the NDJSON of a commit as it arrives, one line in memory at a time, and stage its blobs. The arrays of `body`
 * must be nobody else's: they are empty afterwards. Throws the errors of `readCommitLine` with the number of the line,
 * UseLfs, BodyTooLarge and TooManyItems.
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
      const line = await readCommitLine(bytes, number);
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

async function toOperation(
  line: Exclude<ReadLine, { kind: 'header' }>,
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
  const sizeBytes = content.byteLength;
  const oid = await staging.add('blob', content);
  freeBytes(content);
  return { kind: 'file', path, oid, sizeBytes };
}
