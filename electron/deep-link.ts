export const deepLinkScheme = 'atoll';

/** Where a deep link must not lead: answers of the API, and pages that act on being opened. */
const closed = new Set(['api', 'setup', 'join', 'logout', 'oauth', 'xet', 'v1', 'v2']);

/**
 * `atoll://open/datasets/lab/corals` → the same page on the hub at `hubUrl`. Undefined for everything that is
 * not a page of it: a link can be put into any document, so it may show something but never do something.
 */
export function pageOfDeepLink(link: string, hubUrl: string): string | undefined {
  const url = URL.parse(link);
  if (url?.protocol !== `${deepLinkScheme}:` || url.host !== 'open') return undefined;
  const page = URL.parse(url.pathname + url.search, hubUrl);
  if (!page || page.origin !== new URL(hubUrl).origin) return undefined;
  return closed.has(page.pathname.split('/')[1] ?? '') ? undefined : page.href;
}
