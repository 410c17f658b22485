import DOMPurify, { type Config } from 'dompurify';
import MarkdownIt from 'markdown-it';
import { fileUrl, pageUrl, repoUrl, type RepoRef } from '../repo-ref.ts';
import { m } from '../messages.ts';

/** Where a document lies, so that its relative links and images can be resolved. */
export interface DocumentPlace {
  readonly repo: RepoRef;
  readonly revision: string;
  /** Path of the document's own file. */
  readonly path: string;
}

export interface Heading {
  readonly id: string;
  readonly text: string;
  /** 2 to 6, as shown: the page's own title is the only first-level heading. */
  readonly level: number;
}

export interface RenderedDocument {
  readonly body: DocumentFragment;
  readonly headings: readonly Heading[];
}

/** Names from a stranger's card get this prefix, so that they can never be an id or a target of the page itself. */
const ID_PREFIX = 'card-';

const markdown = new MarkdownIt({ html: true, linkify: true });

/**
 * What the content policy forbids and the sanitizer removes anyway. It is taken out of a card's own HTML beforehand only
 * because the browser reports each of it while it parses.
 */
const HANDLER = /(<[a-z][^>]*?)\son\w+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)/gi;
const STYLE = /<style\b[\s\S]*?<\/style\s*>|<\/?style\b[^>]*>/gi;

function withoutForbidden(html: string): string {
  let before = '';
  let text = html.replace(STYLE, '');
  while (text !== before) {
    before = text;
    text = text.replace(HANDLER, '$1');
  }
  return text;
}
for (const rule of ['html_block', 'html_inline']) {
  markdown.renderer.rules[rule] = (tokens, index) => withoutForbidden(tokens[index]?.content ?? '');
}

const ALLOWED: Config = {
  ALLOWED_TAGS:
    `a abbr b blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption
    figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p picture pre q rp rt ruby s samp small source span strike
    strong sub summary sup table tbody td tfoot th thead tr tt u ul var`.split(/\s+/),
  ALLOWED_ATTR:
    'align alt colspan height href id lang dir name open rowspan scope span src start title width'.split(' '),
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  // Raster images only: an image of this kind can run nothing.
  ADD_DATA_URI_TAGS: [],
  RETURN_DOM_FRAGMENT: true,
};

const RASTER_DATA = /^data:image\/(?:png|jpeg|gif|webp|avif);base64,/i;

/**
 * Renders a stranger's Markdown into nodes that are safe to put on this page: only known tags and attributes, no
 * scripts, styles or frames, no request to any other host. The nodes are never turned into text and parsed again, so
 * what was checked is what is shown.
 */
export function renderDocument(text: string, place: DocumentPlace): RenderedDocument {
  const body = DOMPurify.sanitize(alignCells(markdown.render(text)), ALLOWED) as unknown as DocumentFragment;
  for (const source of body.querySelectorAll('source')) source.remove();
  for (const image of body.querySelectorAll('img')) settleImage(image, place);
  for (const link of body.querySelectorAll('a')) settleLink(link, place);
  for (const named of body.querySelectorAll('[id], [name]')) prefixNames(named);
  const headings = numberHeadings(body);
  for (const table of body.querySelectorAll('table')) wrapInScroller(table);
  for (const block of body.querySelectorAll('pre')) block.tabIndex = 0;
  return { body, headings };
}

/** Markdown tables say their alignment in a style, which is not allowed to pass; `align` is. */
const alignCells = (html: string): string =>
  html.replace(/<(t[hd]) style="text-align:(left|right|center)">/g, '<$1 align="$2">');

/** A URL of this hub for a path relative to the document; undefined when the text names another place. */
function resolveInRepo(
  text: string,
  place: DocumentPlace,
): { readonly path: string; readonly hash: string } | undefined {
  if (/^[a-z][a-z\d+.-]*:|^\/\//i.test(text)) return undefined;
  const folder = place.path.split('/').slice(0, -1).map(encodeURIComponent).join('/');
  const url = URL.parse(text, `http://repo.invalid/${folder === '' ? '' : `${folder}/`}`);
  if (!url) return undefined;
  try {
    return { path: decodeURIComponent(url.pathname.slice(1)), hash: url.hash };
  } catch {
    return undefined; // a % that begins no escape: nothing of that name can be meant
  }
}

/** Cards written for other hubs name their own files by absolute URL; those are here as well. */
function pathInOwnRepo(text: string, { repo }: DocumentPlace): string | undefined {
  const url = URL.parse(text);
  const marker = `${repoUrl(repo)}/`;
  if (!url?.pathname.startsWith(marker)) return undefined;
  const [view, , ...path] = url.pathname.slice(marker.length).split('/');
  return (view === 'resolve' || view === 'raw') && path.length > 0
    ? decodeURIComponent(path.join('/'))
    : undefined;
}

function settleImage(image: HTMLImageElement, place: DocumentPlace): void {
  const wanted = image.getAttribute('src') ?? '';
  image.removeAttribute('srcset');
  image.setAttribute('loading', 'lazy');
  if (RASTER_DATA.test(wanted)) return;
  const path = resolveInRepo(wanted, place)?.path ?? pathInOwnRepo(wanted, place);
  if (path !== undefined && path !== '') {
    image.setAttribute('src', fileUrl(place.repo, place.revision, path));
    if (!image.hasAttribute('alt')) image.setAttribute('alt', '');
    return;
  }
  image.replaceWith(outsideImage(image.ownerDocument, wanted, image.getAttribute('alt') ?? ''));
}

function outsideImage(document: Document, address: string, alt: string): HTMLElement {
  const url = URL.parse(address, 'https://unknown.invalid/');
  const box = document.createElement('span');
  box.className = 'outside-image';
  const shown =
    url && url.hostname !== 'unknown.invalid' ? `${url.host}${url.pathname}` : m.card.unknownAddress;
  const words = document.createElement('span');
  const place = document.createElement('code');
  place.textContent = shown;
  const [before = '', after = ''] = m.card.outsideImage(alt.replaceAll('{', '')).split('{address}');
  words.append(before, place, after);
  box.append(words);
  return box;
}

function settleLink(link: HTMLAnchorElement, place: DocumentPlace): void {
  const wanted = link.getAttribute('href');
  if (wanted === null) return;
  if (wanted.startsWith('#')) {
    link.setAttribute('href', `#${ID_PREFIX}${wanted.slice(1)}`);
    return;
  }
  const target = resolveInRepo(wanted, place);
  if (target) {
    const view = target.path === '' || target.path.endsWith('/') ? 'tree' : 'blob';
    const path = target.path.replace(/\/$/, '');
    link.setAttribute('href', `${pageUrl(place.repo, view, place.revision, path)}${target.hash}`);
    return;
  }
  if (!/^(?:https?|mailto):/i.test(wanted)) {
    link.removeAttribute('href');
    return;
  }
  link.setAttribute('rel', 'noopener noreferrer nofollow');
  link.setAttribute('target', '_blank');
}

function prefixNames(element: Element): void {
  const id = element.getAttribute('id') ?? element.getAttribute('name');
  element.removeAttribute('name');
  if (id) element.setAttribute('id', `${ID_PREFIX}${id}`);
}

/** The anchor other Markdown pages would make of a heading: lower case, spaces to dashes. */
const slug = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s+/g, '-');

/** Moves headings one level down, since the page has its own title, and gives each an anchor. */
function numberHeadings(body: DocumentFragment): readonly Heading[] {
  const taken = new Set<string>();
  return [...body.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((heading) => {
    const level = Math.min(6, Number(heading.tagName.slice(1)) + 1);
    const lowered = heading.ownerDocument.createElement(`h${level}`);
    lowered.append(...heading.childNodes);
    const align = heading.getAttribute('align');
    if (align !== null) lowered.setAttribute('align', align);
    const text = (lowered.textContent ?? '').trim();
    const wanted = heading.id || `${ID_PREFIX}${slug(text)}`;
    let id = wanted;
    for (let copy = 1; taken.has(id); copy += 1) id = `${wanted}-${copy}`;
    taken.add(id);
    lowered.id = id;
    heading.replaceWith(lowered);
    return { id, text, level };
  });
}

function wrapInScroller(table: HTMLTableElement): void {
  const scroller = table.ownerDocument.createElement('div');
  scroller.className = 'scroller';
  scroller.tabIndex = 0;
  table.replaceWith(scroller);
  scroller.append(table);
}
