import { m } from '../messages.ts';

/** Why a text cannot name a repo, by the rule the clients have too; undefined when it can. The hub checks again. */
export function repoNameProblem(name: string): string | undefined {
  if (name.length > 96) return m.newRepo.nameTooLong;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return m.newRepo.nameCharacters;
  if (/^[.-]|[.-]$/.test(name)) return m.newRepo.nameEnds;
  if (/--|\.\./.test(name)) return m.newRepo.nameDoubles;
  if (/\.git$/i.test(name)) return m.newRepo.nameGit;
  return undefined;
}

/** A repo name made from a folder's name: what cannot stand in one becomes a dash. */
export const nameFromFolder = (folder: string): string =>
  folder
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/[.-]{2,}/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '')
    .slice(0, 96) || 'my-first-model';
