import type { Namespace } from './account.ts';
import { conflict, type HubError } from './errors.ts';
import { foldName } from './names.ts';
import { repoFullName, type HeldKind } from './repo.ts';

/** Why a new repository cannot have a name; clients read which one has it, or one too much like it. */
export function repoNameTaken(
  kind: HeldKind,
  wanted: string,
  existing: { readonly owner: Pick<Namespace, 'name'>; readonly name: string },
): HubError {
  const name = repoFullName(existing);
  const isSame = foldName(existing.name) === foldName(wanted);
  return conflict(
    isSame
      ? `You already created this ${kind} repo: ${name}`
      : `The name "${wanted}" is too much like that of the ${kind} repository ${name}.`,
    { name },
  );
}
