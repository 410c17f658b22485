import { HubError } from '../domain/errors.ts';
import { isOid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { ByteRange, ByteSource } from '../objects/object-store.ts';
import type { Reply } from './reply.ts';
import { header, type HubRequest } from './request.ts';

/** Bytes that can be asked for in part. */
export interface FileBytes {
  readonly sizeBytes: number;
  /** Entity tag without quotes. */
  readonly etag: string;
  /** Opened only when the bytes are really sent. */
  open(range: ByteRange | undefined): Promise<ByteSource | Uint8Array>;
}

/** Answer a GET or HEAD with Range and conditional requests (RFC 9110, sections 13 and 14). */
export async function fileReply(
  request: HubRequest,
  file: FileBytes,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> {
  const { sizeBytes } = file;
  const etag = `"${file.etag}"`;
  const all = { ...headers, etag, 'accept-ranges': 'bytes' };
  requireMatch(request, etag);
  if (isNotModified(request, etag)) return { status: 304, headers: all };
  const range = rangeFor(request, sizeBytes, etag);
  if (range === undefined) {
    return { status: 200, headers: all, body: await bodyOf(request, file, undefined, sizeBytes) };
  }
  if (range === 'empty') {
    // What @huggingface/hub needs to hear when it asks for the first byte of an empty file (contract 2.3).
    return {
      status: 200,
      headers: { ...all, 'content-range': 'bytes */0' },
      body: { kind: 'omitted', sizeBytes: 0 },
    };
  }
  const contentRange = `bytes ${range.start}-${range.end - 1}/${sizeBytes}`;
  return {
    status: 206,
    headers: { ...all, 'content-range': contentRange },
    body: await bodyOf(request, file, range, range.end - range.start),
  };
}

async function bodyOf(
  request: HubRequest,
  file: FileBytes,
  range: ByteRange | undefined,
  sizeBytes: number,
): Promise<NonNullable<Reply['body']>> {
  if (request.method === 'HEAD' || sizeBytes === 0) return { kind: 'omitted', sizeBytes };
  return { kind: 'bytes', bytes: await file.open(range), sizeBytes };
}

/** RFC 9110, section 13.1.1. Throws PreconditionFailed. */
function requireMatch(request: HubRequest, etag: string): void {
  const asked = header(request, 'if-match');
  if (asked === undefined || asked.trim() === '*') return;
  if (!asked.split(',').some((one) => one.trim() === etag))
    throw new HubError('PreconditionFailed', `The file has another entity tag: ${etag}.`);
}

/** RFC 9110, section 13.1.2. */
export function isNotModified(request: HubRequest, etag: string): boolean {
  const asked = header(request, 'if-none-match');
  if (asked === undefined) return false;
  return asked.trim() === '*' || asked.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** The range to send; undefined for the whole file. Ranges that are malformed, or several, are left unheeded. */
function rangeFor(request: HubRequest, sizeBytes: number, etag: string): ByteRange | 'empty' | undefined {
  const text = header(request, 'range');
  if (text === undefined) return undefined;
  const ifRange = header(request, 'if-range');
  if (ifRange !== undefined && ifRange.trim() !== etag) return undefined;
  if (sizeBytes === 0 && /^bytes=0-0$/i.test(text.trim())) return 'empty';
  return parseRange(text, sizeBytes);
}

/** Read a single `bytes=` range against a size. Throws BadRange when no byte of it exists. */
export function parseRange(text: string, sizeBytes: number): ByteRange | undefined {
  const [, from = '', to = ''] = /^bytes=\s*([0-9]*)-([0-9]*)\s*$/i.exec(text.trim()) ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') return suffix(Number(to), sizeBytes);
  const start = Number(from);
  if (to !== '' && Number(to) < start) return undefined;
  if (start >= sizeBytes) throw badRange(sizeBytes);
  return { start, end: to === '' ? sizeBytes : Math.min(Number(to) + 1, sizeBytes) };
}

function suffix(length: number, sizeBytes: number): ByteRange {
  if (length === 0 || sizeBytes === 0) throw badRange(sizeBytes);
  return { start: Math.max(0, sizeBytes - length), end: sizeBytes };
}

const badRange = (sizeBytes: number): HubError =>
  new HubError('BadRange', `The file has ${sizeBytes} bytes; the range asked for has none of them.`, {
    details: { sizeBytes },
  });

const INLINE_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  mp4: 'video/mp4',
  webm: 'video/webm',
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  json: 'application/json; charset=utf-8',
};

const TEXT_EXTENSIONS = new Set(
  `txt md markdown py ipynb yaml yml toml ini cfg conf csv tsv jsonl log sh rst tex c h cpp rs go java gitattributes
   gitignore gitmodules license jinja template model_index lock`.split(/\s+/),
);

/** Not for shared caches: the repository may become private, and the hub may ask everybody to sign in. */
const PINNED = 'private, max-age=31536000, immutable';

/** How long an answer about a revision may be kept: for ever, if it was named by its commit. */
export const cacheControlOf = (repo: Pick<Repo, 'visibility'>, revision: string): string =>
  repo.visibility === 'private' ? 'private, no-store' : isOid(revision) ? PINNED : 'no-cache';

/** What content of a repository may do when a browser shows it by itself: nothing. */
export const CONTENT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/**
 * Headers under which repository content is harmless on the hub's own origin: a known picture, sound or text is
 * shown as what it is, everything that could run is a download (reliability 4.7).
 */
export function contentHeaders(path: string, asDownload: boolean): Record<string, string> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const inline =
    INLINE_TYPES[extension] ?? (TEXT_EXTENSIONS.has(extension) ? 'text/plain; charset=utf-8' : undefined);
  const disposition = asDownload || inline === undefined ? 'attachment' : 'inline';
  return {
    'content-type': inline ?? 'application/octet-stream',
    'content-disposition': `${disposition}; ${dispositionName(name)}`,
    'content-security-policy': CONTENT_POLICY,
  };
}

/** A file name for Content-Disposition: plain ASCII for old clients and UTF-8 for the others (RFC 6266). */
export function dispositionName(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  return `filename*=UTF-8''${encoded}; filename="${ascii}"`;
}
