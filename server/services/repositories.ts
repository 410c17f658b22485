import type { RepoListItem, RepoListQuery } from '../db/questions/repo-lists.ts';
import type { Database } from '../db/stores.ts';
import { decodeBase64 } from '../domain/base64.ts';
import type { Visibility } from '../domain/account.ts';
import { defaultGitattributes } from '../domain/gitattributes.ts';
import { parseRepoName, parseWritablePath } from '../domain/names.ts';
import { repoNameTaken } from '../domain/repo-name-taken.ts';
import { repoFullName, type Repo, type RepoKind } from '../domain/repo.ts';
import { branchRef, parseNewBranch } from '../domain/revision.ts';
import type { Actor } from '../domain/access.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { newPublicId } from '../platform/random.ts';
import { actorIdOf, type Authorize, type Granted } from './authorize.ts';
import type { Commits } from './commits.ts';
import type { RefUpdates } from './ref-updates.ts';

export interface NewRepo {
  readonly kind: RepoKind;
  /** The user or organization that will own it. */
  readonly owner: string;
  readonly name: string;
  /** The owner's default when left out. */
  readonly visibility: Visibility | undefined;
  readonly license: string | undefined;
  readonly sdk: string | undefined;
  /** Short name of the branch of the first commit; `main` when left out. */
  readonly defaultBranch?: string;
  /** Files of the first commit, in base64; a `.gitattributes` among them replaces the usual one. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
}

/** A repository of a list with the proof that the caller may read it. */
export interface ListedRepo extends RepoListItem {
  readonly granted: Granted<'read'>;
}

export type { RepoListQuery };

export interface Repositories {
  /** Create a repository with its first commit. Throws InvalidName, Forbidden, and Conflict with the existing repository's name in `details.name`. */
  create(actor: Actor, repo: NewRepo): Promise<Repo>;
  delete(granted: Granted<'administer'>): Promise<void>;
  list(actor: Actor, query: RepoListQuery): Promise<readonly ListedRepo[]>;
  counts(actor: Actor): Promise<Readonly<Record<RepoKind, number>>>;
}

const FIRST_SUMMARY = 'initial commit';
const DEFAULT_BRANCH = 'main';

export function createRepositories(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorize: Authorize;
  readonly commits: Commits;
  readonly refUpdates: RefUpdates;
  /** Told after the transaction, to forget what is kept of it outside. */
  readonly onDeleted: (repo: Repo) => Promise<void>;
}): Repositories {
  const { db, clock, authorize, commits, refUpdates } = parts;

  async function defaultVisibility(owner: string): Promise<Visibility> {
    const organization = await db.read((stores) => stores.organizations.find(owner));
    return organization?.defaultVisibility ?? 'public';
  }

  return {
    async create(actor, wish) {
      const name = parseRepoName(wish.name);
      const { namespace, actor: user } = await authorize.namespace(actor, wish.owner, 'create-repos');
      const rival = await db.read((stores) => stores.repos.findAlike(namespace.id, wish.kind, name));
      if (rival) throw repoNameTaken(wish.kind, name, rival);
      const files = firstFiles(wish);
      const defaultBranch = parseNewBranch(wish.defaultBranch ?? DEFAULT_BRANCH);
      const visibility = wish.visibility ?? (await defaultVisibility(namespace.name));
      const now = clock.now();
      const publicId = newPublicId();
      const first = await commits.firstCommit(publicId, { actor: user, summary: FIRST_SUMMARY, files });
      const repo = await db.write(async (stores) => {
        const target = await authorize.confirmNamespace(stores, actor, namespace.name, 'create-repos');
        const repo = await stores.repos.create({
          kind: wish.kind,
          owner: target.namespace,
          name,
          visibility,
          defaultBranch,
          createdBy: user.user.id,
          publicId,
          now,
        });
        await refUpdates.applyWithin(
          stores,
          {
            repo,
            actorId: user.user.id,
            moves: [{ name: branchRef(defaultBranch), expected: undefined, next: { target: first.commit } }],
            ...first.staged,
          },
          now,
        );
        await stores.events.append({
          kind: 'repo-created',
          repositoryId: repo.id,
          actorId: user.user.id,
          payload: JSON.stringify({ repo: repoFullName(repo), commit: first.commit }),
          at: now,
        });
        return repo;
      });
      await failPoint('repository-created');
      return repo;
    },

    async delete(granted) {
      await db.write(async (stores) => {
        const { repo, actor } = await authorize.confirm(stores, granted, 'administer');
        const packs = await stores.gitObjects.packs(repo.id);
        await stores.repos.delete(repo.id);
        await stores.events.append({
          kind: 'repo-deleted',
          repositoryId: undefined,
          actorId: actorIdOf(actor),
          payload: JSON.stringify({
            repo: repoFullName(repo),
            kind: repo.kind,
            id: repo.publicId,
            // Those of a duplicate are stored under the id of its source.
            packHomes: [...new Set(packs.map(({ home }) => home))].filter((home) => home !== repo.publicId),
          }),
          at: clock.now(),
        });
      });
      await parts.onDeleted(granted.repo);
    },

    async list(actor, query) {
      const { scope, granted } = await authorize.scope(actor);
      const items = await db.read((stores) => stores.repos.listVisible(scope, query));
      return items.map((item) => ({ ...item, granted: granted(item.repo) }));
    },

    async counts(actor) {
      const { scope } = await authorize.scope(actor);
      return db.read((stores) => stores.repos.countVisible(scope));
    },
  };
}

/** The files of a first commit: `.gitattributes`, the card of a chosen license or SDK, and what the caller sends. */
function firstFiles(wish: NewRepo): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>([['.gitattributes', Buffer.from(defaultGitattributes(wish.kind))]]);
  const card = firstCard(wish);
  if (card) files.set('README.md', Buffer.from(card));
  for (const { path, content } of wish.files) files.set(parseWritablePath(path), decodeBase64(content));
  return files;
}

function firstCard(wish: NewRepo): string | undefined {
  const lines: string[] = [];
  if (wish.kind === 'space')
    lines.push(`title: ${JSON.stringify(wish.name)}`, `sdk: ${wish.sdk ?? 'static'}`);
  if (wish.license !== undefined) lines.push(`license: ${wish.license}`);
  return lines.length === 0 ? undefined : `---\n${lines.join('\n')}\n---\n`;
}
