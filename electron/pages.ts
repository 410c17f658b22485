import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Scheme of the few pages the app carries itself, so that no window ever opens a `file:` URL. */
export const shellScheme = 'atoll-shell';
export const shellOrigin = `${shellScheme}://pages`;

export const startingPage = `${shellOrigin}/starting.html`;
export const startupErrorPage = `${shellOrigin}/startup-error.html`;

const types = {
  'starting.html': 'text/html; charset=utf-8',
  'startup-error.html': 'text/html; charset=utf-8',
  'startup-error.js': 'text/javascript; charset=utf-8',
  'pages.css': 'text/css; charset=utf-8',
} as const;

const isPage = (name: string): name is keyof typeof types => Object.hasOwn(types, name);

const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
} as const;

/** Answers requests of {@link shellScheme} from `folder`: the files listed here and nothing beside them. */
export function servePages(folder: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    const name = url.pathname.slice(1);
    if (url.host !== 'pages' || !isPage(name)) return new Response('Not found', { status: 404 });
    const body = await readFile(join(folder, name));
    return new Response(body, { headers: { ...headers, 'Content-Type': types[name] } });
  };
}
