import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { send, type Reply } from './reply.ts';

/** The built page as the HTTP room needs it. */
export interface PageServer {
  readonly assetsFolder: string;
  /** The page itself, which finds out from its address what to show. */
  index(status: number): Reply<never>;
  sendIndex(response: ServerResponse): void;
}

const NONCE_MARK = /__ATOLL_NONCE__/g;

/** What the page may do: its own scripts, styles, fonts and calls, and nothing from anywhere else. */
const policy = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    `style-src 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Serve the page from its built index, with a fresh nonce in each answer. */
export function createPageServer(parts: {
  readonly indexHtml: string;
  readonly assetsFolder: string;
}): PageServer {
  function index(status: number): Reply<never> {
    const nonce = randomBytes(16).toString('base64');
    const text = parts.indexHtml.replace(NONCE_MARK, nonce);
    return {
      status,
      headers: { 'content-security-policy': policy(nonce), 'cache-control': 'no-store' },
      body: { kind: 'text', text, mediaType: 'text/html; charset=utf-8' },
    };
  }
  return {
    assetsFolder: parts.assetsFolder,
    index,
    sendIndex: (response) => void send(response, index(200), false),
  };
}
