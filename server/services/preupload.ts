import { decodeBase64 } from '../domain/commit-lines.ts';
import { HubError } from '../domain/errors.ts';
import { parseLfsRules } from '../domain/gitattributes.ts';
import { parseIgnoreRules } from '../domain/gitignore.ts';
import type { Oid } from '../domain/ids.ts';
import { parseWritablePath } from '../domain/names.ts';
import type { Granted } from './authorize.ts';
import type { Contents } from './contents.ts';

export interface AnnouncedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** The first bytes of the file, in base64. */
  readonly sample: string | undefined;
}

export interface UploadMode {
  readonly path: string;
  readonly mode: 'lfs' | 'regular';
  readonly isIgnored: boolean;
  /** What stands at the path now: SHA-256 of a large file, else the id of the blob. */
  readonly current: string | undefined;
}

const MAX_RULES_BYTES = 4 * 1024 * 1024;
const MAX_SAMPLE_BYTES = 1024;

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
  const paths = request.files.map((file) => parseWritablePath(file.path));
  const existing = await contents.entries(granted, commit, [...new Set(paths)], false);
  const current = new Map(
    existing.flatMap((entry) =>
      entry.kind === 'file' ? [[entry.path, entry.large?.sha256 ?? entry.oid]] : [],
    ),
  );
  return request.files.map((file): UploadMode => {
    const isLarge = file.sizeBytes > maxInlineBytes || rules.isLfs(file.path) || isBinary(file);
    return {
      path: file.path,
      // Clients send an empty file inline whatever they are told, and a pointer to nothing helps nobody.
      mode: isLarge && file.sizeBytes > 0 ? 'lfs' : 'regular',
      isIgnored: isIgnored(file.path),
      current: current.get(file.path),
    };
  });
}

/** As git decides: a NUL in the first bytes, or bytes that are not UTF-8 but for a character cut at the end. */
function isBinary(file: AnnouncedFile): boolean {
  if (file.sample === undefined || file.sample === '') return false;
  const bytes = decodeBase64(file.sample);
  if (bytes.byteLength > MAX_SAMPLE_BYTES)
    throw new HubError('BodyTooLarge', `A sample may have ${MAX_SAMPLE_BYTES} bytes.`);
  if (bytes.includes(0)) return true;
  try {
    // With `stream`, a character whose last bytes are behind the end of the sample is no error.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return false;
  } catch {
    return true;
  }
}
