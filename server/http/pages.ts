import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** The built page as the HTTP room needs it. */
export interface PageServer {
  readonly assetsFolder: string;
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
  return {
    assetsFolder: parts.assetsFolder,
    sendIndex(response) {
      const nonce = randomBytes(16).toString('base64');
      const body = Buffer.from(parts.indexHtml.replace(NONCE_MARK, nonce));
      response.statusCode = 200;
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.setHeader('content-security-policy', policy(nonce));
      response.setHeader('cache-control', 'no-store');
      response.setHeader('content-length', body.byteLength);
      response.end(body);
    },
  };
}
