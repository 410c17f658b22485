import { createHash, hash } from 'node:crypto';
import { decodeBase64 } from '../domain/base64.ts';
import { HubError, isHubError } from '../domain/errors.ts';
import { parseLfsRules } from '../domain/gitattributes.ts';
import { parseIgnoreRules } from '../domain/gitignore.ts';
import type { Oid, Sha256 } from '../domain/ids.ts';
import { parseWritablePath } from '../domain/names.ts';
import type { Granted } from './authorize.ts';
import { hashObject } from '../git/objects.ts';
import type { Contents, FileEntry } from './contents.ts';

export interface AnnouncedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** The first bytes of the file, in base64. */
  readonly sample: string | undefined;
  /** What its bytes hash to, where the client says so; Hugging Face clients do not. */
  readonly sha256: Sha256 | undefined;
}

export interface UploadMode {
  readonly path: string;
  readonly mode: 'lfs' | 'regular';
  /** True for what the rules leave out, and for what a client that gave a SHA-256 need not send again. */
  readonly isIgnored: boolean;
  /** What stands at the path now: SHA-256 of a large file, else the id of the blob. */
  readonly current: string | undefined;
}

const MAX_RULES_BYTES = 4 * 1024 * 1024;
/** Twice what clients send. */
const MAX_SAMPLE_CHARACTERS = 1368;
/** Bytes of regular files that one request has read for the sake of comparing them. */
const MAX_COMPARED_BYTES = 16 * 1024 * 1024;

/**
 * How each file of a coming commit is to be sent: as a large file when the rules of the target revision, or of the
 * commit itself, say so, when it is over the limit, or when it is binary (contract 3.2).
 */
export async function planUpload(
  parts: { readonly contents: Contents; readonly maxInlineBytes: number },
  granted: Granted<'write'>,
  commit: Oid,
  request: {
    readonly files: readonly AnnouncedFile[];
    readonly gitAttributes: string | undefined;
    readonly gitIgnore: string | undefined;
  },
): Promise<readonly UploadMode[]> {
  const { contents, maxInlineBytes } = parts;
  const textAt = async (path: string): Promise<string> =>
    (await contents.smallFile(granted.repo, commit, path, MAX_RULES_BYTES))?.toString('utf8') ?? '';
  const rules = parseLfsRules(request.gitAttributes ?? (await textAt('.gitattributes')));
  const isIgnored = parseIgnoreRules(request.gitIgnore ?? (await textAt('.gitignore')));
  const paths = request.files.map(({ path }, index) => announcedPath(path, index));
  const existing = await contents.entries(granted, commit, [...new Set(paths)], false);
  const current = new Map(
    existing.flatMap((entry) => (entry.kind === 'file' ? [[entry.path, entry] as const] : [])),
  );
  const unchanged = await unchangedFiles(contents, granted, request.files, current);
  return request.files.map((file): UploadMode => {
    const entry = current.get(file.path);
    const isLarge = file.sizeBytes > maxInlineBytes || rules.isLfs(file.path) || isBinary(file);
    return {
      path: file.path,
      // Clients send an empty file inline whatever they are told, and a pointer to nothing helps nobody.
      mode: isLarge && file.sizeBytes > 0 ? 'lfs' : 'regular',
      isIgnored: isIgnored(file.path) || unchanged.has(file.path),
      current: entry?.large?.sha256 ?? entry?.oid,
    };
  });
}

/** Throws InvalidPath and ReservedName with the place in the list. */
function announcedPath(path: string, file: number): string {
  try {
    return parseWritablePath(path);
  } catch (error) {
    if (!isHubError(error)) throw error;
    throw new HubError(error.code, error.message, { details: { ...error.details, file } });
  }
}

/**
 * Paths at which there are the very bytes that a client says it would send, by their SHA-256. A large file is known by
 * it; a regular one is known by its sample where that is the whole of it, and else it is read, up to a bound. Files
 * without a SHA-256 are never among them: a client may delete a file and send it in one commit, and compares the
 * `current` id itself.
 */
async function unchangedFiles(
  contents: Contents,
  granted: Granted<'read'>,
  files: readonly AnnouncedFile[],
  current: ReadonlyMap<string, FileEntry>,
): Promise<ReadonlySet<string>> {
  const unchanged = new Set<string>();
  let budget = MAX_COMPARED_BYTES;
  for (const { path, sha256, sizeBytes, sample } of files) {
    const entry = current.get(path);
    if (!entry || sha256 === undefined || entry.sizeBytes !== sizeBytes) continue;
    if (entry.large) {
      if (entry.large.sha256 === sha256) unchanged.add(path);
      continue;
    }
    const whole = sample === undefined ? undefined : decodeBase64(sample);
    if (whole?.byteLength === sizeBytes) {
      const isSame = hashObject('blob', whole) === entry.oid && hash('sha256', whole) === sha256;
      if (isSame) unchanged.add(path);
    } else if (sizeBytes <= budget) {
      budget -= sizeBytes;
      if ((await sha256Of(await contents.blob(granted, entry.oid))) === sha256) unchanged.add(path);
    }
  }
  return unchanged;
}

async function sha256Of(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
  if (bytes instanceof Uint8Array) return hash('sha256', bytes);
  const sha256 = createHash('sha256');
  for await (const piece of bytes) sha256.update(piece);
  return sha256.digest('hex');
}

/** As git decides: a NUL in the first bytes, or bytes that are not UTF-8 but for a character cut at the end. */
function isBinary(file: AnnouncedFile): boolean {
  if (file.sample === undefined || file.sample === '') return false;
  if (file.sample.length > MAX_SAMPLE_CHARACTERS)
    throw new HubError('BodyTooLarge', `A sample may have ${MAX_SAMPLE_CHARACTERS} characters.`);
  const bytes = decodeBase64(file.sample);
  if (bytes.includes(0)) return true;
  try {
    // With `stream`, a character whose last bytes are behind the end of the sample is no error.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return false;
  } catch {
    return true;
  }
}
