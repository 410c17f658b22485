import type { DownloadSign } from '../services/download-rounds.ts';
import type { Reply } from './reply.ts';
import { header, type HubRequest } from './request.ts';

/** Clients say with it that they download; `0` says that they only show the file. */
const COUNTER = 'x-hf-download-counter';

/** What a browser loads by itself to show a page. */
const PARTS_OF_PAGES = new Set(['audio', 'font', 'image', 'script', 'style', 'track', 'video']);

/**
 * What the answer to a request for a file tells about a download (delta 0, finding 7). Undefined where it tells
 * nothing: a refusal, what has not changed, the first byte that is asked for to learn the size, pictures of a page, and
 * questions about a file whose bytes are sent by this route when they are wanted.
 */
export function downloadSignOf(
  request: HubRequest,
  reply: Reply,
  file: { readonly path: string; readonly isXet: boolean },
): DownloadSign | undefined {
  if (reply.status !== 200 && reply.status !== 206) return undefined;
  const counter = header(request, COUNTER);
  if (request.method === 'HEAD') {
    // The chunks of a Xet file are asked for elsewhere, under no name.
    return file.isXet && counter === '1' ? { kind: 'asked', path: file.path } : undefined;
  }
  if (counter === '0' || reply.body?.kind === 'json' || isPartOfPage(request)) return undefined;
  const range = reply.headers?.['content-range'];
  if (range === undefined) return { kind: 'sent', path: file.path };
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? [];
  if (first === undefined || (last === '0' && size !== '1')) return undefined;
  return first === '0' ? { kind: 'sent', path: file.path } : { kind: 'bytes', isStart: false };
}

/** Over plain HTTP browsers do not say what they want a picture for, but still that it is a picture. */
const isPartOfPage = (request: HubRequest): boolean =>
  PARTS_OF_PAGES.has(header(request, 'sec-fetch-dest') ?? '') ||
  (header(request, 'accept') ?? '').startsWith('image/');
