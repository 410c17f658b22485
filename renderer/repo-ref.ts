import type { RepoKind } from './wire.ts';

/** Names one repo of this hub. */
export interface RepoRef {
  readonly kind: RepoKind;
  readonly owner: string;
  readonly name: string;
}

export const REPO_KINDS: readonly RepoKind[] = ['model', 'dataset', 'space'];

/** The plural by which lists and API paths call a kind. */
export const kindPlural = (kind: RepoKind): 'models' | 'datasets' | 'spaces' => `${kind}s`;

const pagePrefix = (kind: RepoKind): string => (kind === 'model' ? '' : `${kindPlural(kind)}/`);

/** `owner/name`, as clients write it. */
export const repoId = (repo: RepoRef): string => `${repo.owner}/${repo.name}`;

/** The parts of `owner/name`; undefined when the text has another shape. */
export function parseRepoId(kind: RepoKind, id: string): RepoRef | undefined {
  const match = /^([\w.-]+)\/([\w.-]+)$/.exec(id);
  return match ? { kind, owner: match[1]!, name: match[2]! } : undefined;
}

/** Escapes a path inside a repo for a URL, keeping its slashes. */
export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** `/owner/name`, with the prefix of its kind: the repo's own page and the root of its byte URLs. */
export const repoUrl = (repo: RepoRef): string => `/${pagePrefix(repo.kind)}${repo.owner}/${repo.name}`;

/** URL of the bytes of one file at a revision. */
export const fileUrl = (repo: RepoRef, revision: string, path: string): string =>
  `${repoUrl(repo)}/resolve/${encodeURIComponent(revision)}/${encodePath(path)}`;

/** URL that makes the browser save the file instead of showing it. */
export const downloadUrl = (repo: RepoRef, revision: string, path: string): string =>
  `${fileUrl(repo, revision, path)}?download=true`;

/** URL of all files of a revision in one. */
export const zipUrl = (repo: RepoRef, revision: string): string =>
  `/api/${kindPlural(repo.kind)}/${repoId(repo)}/archive/${encodeURIComponent(revision)}.zip`;

/** URL of what a commit changed, whole, as a patch. */
export const patchUrl = (repo: RepoRef, commit: string): string =>
  `/api/${kindPlural(repo.kind)}/${repoId(repo)}/commit/${commit}/diff?raw=true`;

type View = 'tree' | 'blob' | 'commits' | 'commit' | 'upload';

/** Path of one of the repo's pages. */
export function pageUrl(repo: RepoRef, view: View, revision: string, path = ''): string {
  const end = path === '' ? '' : `/${encodePath(path)}`;
  return `${repoUrl(repo)}/${view}/${encodeURIComponent(revision)}${end}`;
}

/** Where a repo is renamed, hidden, archived and deleted. */
export const settingsUrl = (repo: RepoRef): string => `${repoUrl(repo)}/settings`;

/** The branch every repo begins with. */
export const DEFAULT_BRANCH = 'main';
