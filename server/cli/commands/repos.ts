import { resolve } from 'node:path';
import { z } from 'zod';
import { HubError } from '../../domain/errors.ts';
import { REPO_KINDS, repoFullName } from '../../domain/repo.ts';
import type { HeldKind, RepoKind } from '../../domain/repo.ts';
import { parseRemoteUrl } from '../../domain/remote-url.ts';
import { givenSecret } from '../ask-password.ts';
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

/** The kind that a flag names, beside the one in front of the name. Throws InvalidRequest. */
function parseNamed(
  text: string,
  flag: string | undefined,
): { readonly kind: RepoKind; readonly name: string } {
  const named = parseName(text);
  if (flag === undefined) return named;
  const kind = REPO_KINDS.find((known) => known === flag);
  if (kind === undefined || (kind !== named.kind && text !== named.name)) {
    const kinds = REPO_KINDS.map((known) => `"${known}"`).join(', ');
    throw new HubError('InvalidRequest', `--kind must be one of ${kinds}, and the same as in NAME.`);
  }
  return { kind, name: named.name };
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export const repoImport = defineCommand({
  name: 'repo import',
  summary: 'Make a repository of one elsewhere: its branches, tags and large files.',
  positionals: ['URL', 'NAME'],
  flags: {
    kind: { form: 'value', value: 'KIND', doc: '"model" (the default), "dataset", "space" or "kernel".' },
    private: { form: 'switch', doc: 'Only its owner sees it.' },
    user: { form: 'value', value: 'USER', doc: 'User name there, beside a token; "git" if left out.' },
    'token-stdin': { form: 'switch', doc: 'Read a token or password for there from the standard input.' },
    'token-file': { form: 'value', value: 'FILE', doc: 'Read it from a file.' },
  },
  input: z.object({
    url: z.string(),
    kind: z.enum(REPO_KINDS),
    name: z.string(),
    isPrivate: z.boolean(),
    user: z.string(),
    token: z.string().optional(),
  }),
  async prepare(given, terminal) {
    const [url = '', name = ''] = given.positionals;
    return {
      url: parseRemoteUrl(url),
      ...parseNamed(name, given.flag('kind')),
      isPrivate: given.has('private'),
      user: given.flag('user') ?? 'git',
      token: await givenSecret('token', given, terminal),
    };
  },
  run: async ({ importRepo }, { kind, name, url, isPrivate, user, token }) => {
    const [owner = '', shortName = ''] = name.split('/');
    const credentials = token === undefined ? undefined : { user, secret: token };
    return importRepo({ kind, owner, name: shortName, isPrivate, url, credentials });
  },
  print: ({ kind, name, branches, tags, largeFiles, defaultBranch }) =>
    `Imported ${shownName(kind, name)}: ${[
      counted(branches, 'branch', 'branches'),
      counted(tags, 'tag', 'tags'),
      counted(largeFiles, 'large file', 'large files'),
    ].join(', ')}. Its default branch is ${defaultBranch}.\n`,
});
