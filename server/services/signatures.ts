import type { Actor } from '../domain/access.ts';
import type { Signature } from '../git/objects.ts';

const NOREPLY = 'users.noreply.atoll.invalid';

/** Author and committer of what the API commits (design 2.6): the person, at UTC, with an address nobody reads. */
export function signatureOf(actor: Actor, now: number): Signature {
  const name = actor.kind === 'user' ? actor.user.name : 'atoll';
  const fullName = actor.kind === 'user' ? actor.user.fullName : 'Atoll';
  return {
    // git ends a name at `<` and a line at a newline, so neither can be part of one.
    name: fullName.replace(/[<>\p{Cc}]/gu, ' ').trim() || name,
    email: `${name}@${NOREPLY}`,
    time: Math.floor(now / 1000),
    zone: '+0000',
  };
}

/** The account behind a signature of ours; for others, the name they gave. */
export function userNameOf(signature: Signature): string {
  const [local, domain] = signature.email.split('@');
  return domain === NOREPLY && local ? local : signature.name;
}
