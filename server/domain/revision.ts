import { HubError } from './errors.ts';
import { foldName, shown } from './names.ts';

/** Short ids are looked up from this many digits on, as git does by default. */
export const MIN_SHORT_OID = 4;

const RESERVED_REFS = new Set(['head', '@', 'fetch_head', 'orig_head', 'merge_head', 'none']);
const READS_AS_ID = 'it could be read as a commit id';
const MAX_REF_BYTES = 1024;
const MAX_PART_BYTES = 255;

/**
 * A name for a branch or a tag: what `git check-ref-format --branch` takes, less what would be read as an
 * option, an object id or a full ref. Throws InvalidRevision or ReservedName.
 */
export function parseNewRefName(text: unknown): string {
  if (typeof text !== 'string') throw new HubError('InvalidBody', 'A branch or tag name must be a string.');
  const problem = refNameProblem(text);
  if (problem)
    throw new HubError('InvalidRevision', `"${shown(text)}" cannot name a branch or tag: ${problem}.`);
  if (RESERVED_REFS.has(foldName(text)) || foldName(text).startsWith('refs/')) {
    throw new HubError('ReservedName', `"${shown(text)}" is reserved and cannot name a branch or tag.`);
  }
  return text;
}

function refNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (!name.isWellFormed()) return 'it is not valid Unicode';
  if (Buffer.byteLength(name) > MAX_REF_BYTES) return `it has more than ${MAX_REF_BYTES} bytes`;
  if (name.startsWith('-')) return 'it starts with "-"';
  // eslint-disable-next-line no-control-regex -- control characters are exactly what this refuses
  if (/[\u0000-\u0020\u007f-\u009f~^:?*[\\]/.test(name)) return 'it has a character that git refuses';
  if (name.includes('..') || name.includes('@{')) return 'it has ".." or "@{"';
  if (name.endsWith('.')) return 'it ends with "."';
  for (const part of name.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part.startsWith('.') || part.endsWith('.lock')) return 'a part starts with "." or ends with ".lock"';
    if (Buffer.byteLength(part) > MAX_PART_BYTES) return `a part has more than ${MAX_PART_BYTES} bytes`;
  }
  if (/^[0-9a-f]{40}$|^[0-9a-f]{64}$|^[0-9a-f]{7,39}$/i.test(name)) return READS_AS_ID;
  return undefined;
}

/** True for what could name a ref somewhere, long or short. */
export const isRefLike = (name: string): boolean =>
  !/(^|\/)-/.test(name) && [undefined, READS_AS_ID].includes(refNameProblem(name));

/** The ref names that a revision may mean, most likely first. */
export function refNamesOf(revision: string): readonly string[] {
  if (revision.startsWith('refs/')) return isReadableRef(revision) ? [revision] : [];
  return [`refs/heads/${revision}`, `refs/tags/${revision}`];
}

/** What the hub keeps for itself in a repository, should it ever: nobody is told of it. */
const INTERNAL = 'refs/internal/';

/** What git shows readers of a repository, and what is reachable for them. */
export const isServedRef = (name: string): boolean => !name.startsWith(INTERNAL);

/** Only these parts of the ref space are shown or resolved by the API, whatever else git serves. */
export const isReadableRef = (name: string): boolean =>
  /^refs\/(heads|tags|convert)\/./.test(name) || /^refs\/pr\/[1-9][0-9]*$/.test(name);

const CONVERT = 'refs/convert/';

/**
 * What is committed to goes by a branch's name, or by the full name of a converted ref (`refs/convert/parquet`), which
 * is written like a branch but is not listed as one. No branch's own name begins with `refs/`.
 */
export const branchRef = (branch: string): string =>
  branch.startsWith(CONVERT) ? branch : `refs/heads/${branch}`;

/** The name under which a ref is committed to; undefined for a ref that never is. */
export function branchOfRef(ref: string): string | undefined {
  if (ref.startsWith(CONVERT)) return ref;
  return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
}

/**
 * A name for a new branch or converted ref, in the form that `branchRef` takes. Throws InvalidRevision or ReservedName.
 */
export function parseNewBranch(text: string): string {
  if (/^refs\/pr(\/|$)/.test(text)) {
    throw new HubError(
      'ReservedName',
      `"${shown(text)}" cannot be created: refs/pr/ is kept for pull requests, which this hub does not offer yet.`,
    );
  }
  return text.startsWith(CONVERT)
    ? CONVERT + parseNewRefName(text.slice(CONVERT.length))
    : parseNewRefName(text);
}

/** Spaces of refs that are not for whoever pushes, pull requests of other hosts among them, and those with rules of their own. */
const OWN_SPACES = new Set(['heads', 'tags', 'convert', 'pr', 'pull', 'internal']);

/**
 * A full name for a new ref that is for git alone: notes, replacements, copies of another remote's branches. Throws
 * InvalidRevision or ReservedName.
 */
export function parseNewGitRef(name: string): string {
  const [, space, rest] = /^refs\/([^/]*)\/(.*)$/s.exec(name) ?? [];
  if (space === undefined || rest === undefined)
    throw new HubError(
      'InvalidRevision',
      `"${shown(name)}" cannot name a ref: it is not below "refs/<space>/".`,
    );
  if (OWN_SPACES.has(foldName(space)))
    throw new HubError('ReservedName', `"${shown(name)}" is reserved and cannot be pushed to.`);
  if (name.startsWith('refs/-') || !isRefLike(name))
    throw new HubError('InvalidRevision', `"${shown(name)}" cannot name a ref: git refuses it.`);
  return name;
}

export const tagRef = (tag: string): string => `refs/tags/${tag}`;
