import { shellOrigin } from './pages.ts';

const longestLink = 2_000;

/** What the window may show: the hub, and the shell's own pages. Nothing else, in any frame. */
export function mayShow(url: string, hubUrl: string | undefined): boolean {
  const target = URL.parse(url);
  if (!target) return false;
  if (isShellPage(url)) return true;
  return hubUrl !== undefined && target.origin === new URL(hubUrl).origin;
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
