import { shellOrigin } from './pages.ts';

const longestLink = 2_000;

/** What the window may show: the hub, and the shell's own pages. Nothing else, in any frame. */
export function mayShow(url: string, hubUrl: string | undefined): boolean {
  if (isShellPage(url)) return true;
  const target = URL.parse(url);
  if (!target || hubUrl === undefined) return false;
  const hub = new URL(hubUrl);
  // A blob: address has the origin of the page that made it, but what it shows is any text of that page's choice.
  return target.origin === hub.origin && target.protocol === hub.protocol;
}

/** The opaque origin of a custom scheme reads `null` in Node, so scheme and host are compared instead. */
export function isShellPage(url: string): boolean {
  const target = URL.parse(url);
  return target !== null && `${target.protocol}//${target.host}` === shellOrigin;
}

/**
 * The address to hand to the system's browser, or undefined. Only http and https: other schemes start
 * programs. Credentials in an address only ever serve to disguise its host.
 */
export function externalLink(url: string): string | undefined {
  const target = URL.parse(url);
  if (!target || !['http:', 'https:'].includes(target.protocol)) return undefined;
  if (target.username !== '' || target.password !== '') return undefined;
  return target.href.length > longestLink ? undefined : target.href;
}
