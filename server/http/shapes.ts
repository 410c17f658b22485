import type { CommitReply, EntryReply, OneCommitReply } from '../contract/contents.ts';
import type { PersonReply } from '../contract/likes.ts';
import { timestamp, urlPrefixOf } from '../contract/shapes.ts';
import type { User } from '../domain/account.ts';
import { repoFullName, type HeldKind, type Repo } from '../domain/repo.ts';
import type { Entry } from '../services/contents.ts';
import type { CommitSummary } from '../services/history.ts';
import { userNameOf } from '../services/signatures.ts';

/*
 * Answers in the form that Hugging Face clients read (contract, section 4), written out field by field.
 */

/** Address of a repository's page. */
export const repoUrl = (origin: string, repo: Repo): string =>
  repoUrlOf(origin, repo.kind, repoFullName(repo));

/** The same from a kind and `owner/name`. */
export const repoUrlOf = (origin: string, kind: HeldKind, fullName: string): string =>
  `${origin}/${urlPrefixOf(kind)}${fullName}`;

/** First line and rest of a commit message. */
export function splitMessage(message: string): { readonly title: string; readonly body: string } {
  const newline = message.indexOf('\n');
  if (newline < 0) return { title: message, body: '' };
  return { title: message.slice(0, newline), body: message.slice(newline + 1).trim() };
}

const commitDate = (summary: CommitSummary): string => timestamp(summary.commit.committer.time * 1000);

const lastCommitShape = (summary: CommitSummary) => ({
  id: summary.oid,
  title: splitMessage(summary.commit.message).title,
  date: commitDate(summary),
});

/** An entry of `tree` and `paths-info`. With `expand`, the last commit and the (never scanned) security status. */
export function entryShape(entry: Entry, expand: boolean): EntryReply {
  const last = entry.lastCommit && { lastCommit: lastCommitShape(entry.lastCommit) };
  if (entry.kind === 'folder')
    return { type: 'directory', oid: entry.oid, size: 0, path: entry.path, ...last };
  const { large } = entry;
  return {
    type: 'file',
    oid: entry.oid,
    size: entry.sizeBytes,
    path: entry.path,
    ...(large ? { lfs: { oid: large.sha256, size: entry.sizeBytes, pointerSize: large.pointerBytes } } : {}),
    ...(large?.xetHash ? { xetHash: large.xetHash } : {}),
    ...last,
    ...(expand ? { securityFileStatus: null } : {}),
  };
}

export function commitShape(summary: CommitSummary, isFormatted: boolean): CommitReply {
  const { title, body } = splitMessage(summary.commit.message);
  return {
    id: summary.oid,
    title,
    message: body,
    date: commitDate(summary),
    authors: [{ user: userNameOf(summary.commit.author) }],
    parents: summary.commit.parents,
    ...(isFormatted ? { formatted: { title: escapeHtml(title), message: escapeHtml(body) } } : {}),
  };
}

/** Other hubs call the same facts by further names; both are answered. */
export function oneCommitShape(summary: CommitSummary, isFormatted: boolean): OneCommitReply {
  const shape = commitShape(summary, isFormatted);
  return {
    ...shape,
    oid: shape.id,
    author: userNameOf(summary.commit.author),
    description: shape.message,
    committed_at: shape.date,
  };
}

/** A person in a list. There are no pictures of people here: an empty address, as in `whoami-v2`. */
export const personShape = (user: User): PersonReply => ({
  type: 'user',
  user: user.name,
  fullname: user.fullName,
  avatarUrl: '',
  isPro: false,
});

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
