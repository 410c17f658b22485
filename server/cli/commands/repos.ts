import { resolve } from 'node:path';
import { z } from 'zod';
import { HubError } from '../../domain/errors.ts';
import { REPO_KINDS, repoFullName } from '../../domain/repo.ts';
import type { HeldKind, RepoKind } from '../../domain/repo.ts';
import { defineCommand, isoTime, writeTable } from '../command.ts';

/** Kinds as they stand in front of names in URLs: `datasets/owner/name`. */
const PREFIXES: ReadonlyMap<string, RepoKind> = new Map(REPO_KINDS.map((kind) => [`${kind}s`, kind]));

/** `owner/name` for a model, `datasets/owner/name` and so on for others. Throws InvalidRequest. */
function parseName(text: string): { readonly kind: RepoKind; readonly name: string } {
  const parts = text.split('/');
  const kind = parts.length === 3 ? PREFIXES.get(parts[0] ?? '') : 'model';
  if (kind === undefined || parts.length < 2 || parts.length > 3) {
    throw new HubError(
      'InvalidRequest',
      'NAME must be "owner/name", "datasets/owner/name" or "spaces/owner/name".',
    );
  }
  return { kind, name: parts.slice(-2).join('/') };
}

const shownName = (kind: HeldKind, name: string): string => (kind === 'model' ? name : `${kind}s/${name}`);

export const repoList = defineCommand({
  name: 'repo list',
  summary: 'List the repositories.',
  positionals: [],
  flags: {},
  input: z.object({}),
  prepare: () => ({}),
  run: async ({ listRepos }) =>
    (await listRepos()).map((repo) => ({
      id: repo.publicId as string,
      kind: repo.kind,
      name: repoFullName(repo),
      private: repo.visibility === 'private',
      createdAt: isoTime(repo.createdAt),
      updatedAt: isoTime(repo.updatedAt),
    })),
  print: (repos) =>
    writeTable(
      ['NAME', 'VISIBILITY', 'CREATED', 'UPDATED'],
      repos.map(({ kind, name, private: isPrivate, createdAt, updatedAt }) => [
        shownName(kind, name),
        isPrivate ? 'private' : 'public',
        createdAt,
        updatedAt,
      ]),
    ),
});

export const repoExport = defineCommand({
  name: 'repo export',
  summary: 'Write a repository as a bare git repository.',
  positionals: ['NAME', 'FOLDER'],
  flags: {},
  input: z.object({ kind: z.enum(REPO_KINDS), name: z.string(), folder: z.string() }),
  // The hub may run in another working folder.
  prepare: ({ positionals: [name = '', folder = ''] }) => ({ ...parseName(name), folder: resolve(folder) }),
  run: async ({ exportRepo }, { kind, name, folder }) => {
    const summary = await exportRepo(kind, name, folder);
    return { kind, name, folder, summary: summary ?? null };
  },
  print: ({ kind, name, folder }) => `Wrote ${shownName(kind, name)} to ${folder}.\n`,
});
