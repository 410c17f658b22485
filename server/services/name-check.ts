import type { Database } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import { isHubError, signInRequired } from '../domain/errors.ts';
import { foldName, normalName, parseNamespaceName, parseRepoName, shown } from '../domain/names.ts';
import { repoFullName, type RepoKind } from '../domain/repo.ts';
import type { Authorize } from './authorize.ts';

export interface NameAnswer {
  readonly isAvailable: boolean;
  readonly normalName: string;
  /** What has the name already, or one too much like it. */
  readonly conflictWith: string | undefined;
  readonly message: string;
}

export interface NameCheck {
  /** Whether a user or an organization could have this name. */
  account(actor: Actor, name: string): Promise<NameAnswer>;
  /**
   * Whether a repository could have this name. One that the caller may not see is passed over: only creating would
   * tell, which takes a right in its namespace. `owner` is the caller when left out.
   */
  repo(actor: Actor, kind: RepoKind, owner: string | undefined, name: string): Promise<NameAnswer>;
}

export function createNameCheck(parts: { readonly db: Database; readonly authorize: Authorize }): NameCheck {
  const { db, authorize } = parts;

  const available = (name: string): NameAnswer => ({
    isAvailable: true,
    normalName: normalName(name),
    conflictWith: undefined,
    message: `The name "${shown(name)}" is free.`,
  });
  const refused = (name: string, message: string): NameAnswer => ({
    isAvailable: false,
    normalName: normalName(name),
    conflictWith: undefined,
    message,
  });
  const taken = (name: string, by: string, isSame: boolean): NameAnswer => ({
    ...refused(name, isSame ? `${by} exists already.` : `"${name}" is too much like ${by}.`),
    conflictWith: by,
  });

  /** What is wrong with a name by itself. */
  function problemOf(name: string, parse: (name: string) => string): string | undefined {
    try {
      parse(name);
      return undefined;
    } catch (error) {
      if (isHubError(error)) return error.message;
      throw error;
    }
  }

  return {
    async account(actor, name) {
      await authorize.scope(actor);
      const problem = problemOf(name, parseNamespaceName);
      if (problem !== undefined) return refused(name, problem);
      const alike = await db.read((stores) => stores.accounts.findAlike(name));
      return alike ? taken(name, alike.name, isSameName(alike.name, name)) : available(name);
    },

    async repo(actor, kind, owner, name) {
      await authorize.scope(actor);
      const problem = problemOf(name, parseRepoName);
      if (problem !== undefined) return refused(name, problem);
      const ownerName = owner ?? (actor.kind === 'user' ? actor.user.name : undefined);
      if (ownerName === undefined) throw signInRequired();
      const alike = await db.read(async (stores) => {
        const namespace = await stores.accounts.findNamespace(ownerName);
        return namespace && { namespace, repo: await stores.repos.findAlike(namespace.id, kind, name) };
      });
      if (!alike) {
        return refused(name, `There is no user or organization with the name "${shown(ownerName)}".`);
      }
      if (!alike.repo) return available(name);
      const asked = { kind, owner: alike.repo.owner.name, name: alike.repo.name };
      try {
        await authorize.repo(actor, asked, 'read');
      } catch (error) {
        if (isHubError(error, 'RepoNotFound')) return available(name);
        throw error;
      }
      return taken(name, repoFullName(alike.repo), isSameName(alike.repo.name, name));
    },
  };
}

const isSameName = (left: string, right: string): boolean => foldName(left) === foldName(right);
