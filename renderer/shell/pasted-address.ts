import { DEFAULT_BRANCH, pageUrl, parseRepoId, repoUrl, type RepoRef } from '../repo-ref.ts';
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
  const escaped = hf ?? (/^https?:\/\//i.test(plain) ? URL.parse(plain)?.pathname : plain);
  const parts = escaped === undefined ? undefined : decodeParts(escaped);
  if (!parts) return undefined;
  const kind = PREFIXES[parts[0] ?? ''];
  if (kind) parts.shift();
  const [owner, nameAt, ...more] = parts;
  const [name, revisionAt] = hf ? (nameAt ?? '').split('@') : [nameAt];
  const repo = parseRepoId(kind ?? 'model', `${owner}/${(name ?? '').replace(/\.git$/, '')}`);
  if (!repo) return undefined;
  if (hf) return { repo, path: hfPage(repo, revisionAt ?? DEFAULT_BRANCH, more) };
  const [view, revision, ...path] = more;
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

function decodeParts(path: string): string[] | undefined {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => decodeURIComponent(part));
  } catch {
    return undefined; // a % that begins no escape: nobody's address
  }
}

const hfPage = (repo: RepoRef, revision: string, path: readonly string[]): string =>
  path.length === 0 ? repoUrl(repo) : pageUrl(repo, 'blob', revision, path.join('/'));
