import type { Oid } from '../domain/ids.ts';
import type { NewGitObject } from '../git/object-storage.ts';
import { newObject, writeCommit } from '../git/objects.ts';
import type { Granted } from './authorize.ts';
import { signatureOf } from './signatures.ts';

/** A commit that the hub makes on behalf of somebody. Throws InvalidBody on NUL in the message. */
export function newCommit(
  { actor }: Pick<Granted<'read'>, 'actor'>,
  commit: { readonly tree: Oid; readonly parents: readonly Oid[]; readonly message: string },
  now: number,
): NewGitObject {
  const signature = signatureOf(actor, now);
  const message = commit.message.endsWith('\n') ? commit.message : `${commit.message}\n`;
  return newObject('commit', writeCommit({ ...commit, message, author: signature, committer: signature }));
}
