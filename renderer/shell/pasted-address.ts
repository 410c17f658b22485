import { pageUrl, parseRepoId, repoUrl, type RepoRef } from '../repo-ref.ts';
import type { RepoKind } from '../wire.ts';

export interface Pasted {
  readonly repo: RepoRef;
  /** The page of this hub that shows what was pasted. */
  readonly path: string;
}

const PREFIXES: Readonly<Record<string, RepoKind>> = {
  datasets: 'dataset',
  spaces: 'space',
  models: 'model',
};

/**
 * Understands what people paste to name a repo: `owner/name`, `datasets/owner/name`, `hf://datasets/owner/name@rev/path`
 * and the page URLs of any hub. Undefined when the text is nothing of the kind.
 */
export function parsePastedAddress(text: string): Pasted | undefined {
  const plain = text.trim();
  const hf = /^hf:\/\/(.+)$/i.exec(plain)?.[1];
  const rest = hf ?? (/^https?:\/\//i.test(plain) ? URL.parse(plain)?.pathname : plain);
  if (rest === undefined) return undefined;
  const parts = rest.split('/').filter((part) => part !== '');
  const kind = PREFIXES[parts[0] ?? ''];
  if (kind) parts.shift();
  const [owner, nameAt, ...more] = parts;
  const [name, revisionAt] = hf ? (nameAt ?? '').split('@') : [nameAt];
  const repo = parseRepoId(kind ?? 'model', `${owner}/${(name ?? '').replace(/\.git$/, '')}`);
  if (!repo) return undefined;
  if (hf) return { repo, path: hfPage(repo, revisionAt ?? 'main', more) };
  const [view, revision, ...path] = more.map((part) => decodeURIComponent(part));
  if (view === 'tree' || view === 'commits' || view === 'commit' || view === 'blob') {
    return revision === undefined
      ? { repo, path: repoUrl(repo) }
      : { repo, path: pageUrl(repo, view, revision, path.join('/')) };
  }
  if ((view === 'resolve' || view === 'raw') && revision !== undefined && path.length > 0) {
    return { repo, path: pageUrl(repo, 'blob', revision, path.join('/')) };
  }
  return more.length === 0 ? { repo, path: repoUrl(repo) } : undefined;
}

const hfPage = (repo: RepoRef, revision: string, path: readonly string[]): string =>
  path.length === 0 ? repoUrl(repo) : pageUrl(repo, 'blob', decodeURIComponent(revision), path.join('/'));
