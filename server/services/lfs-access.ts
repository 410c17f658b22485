import type { Actor } from '../domain/access.ts';
import type { ReachLevel } from '../domain/account.ts';
import { forbidden, isHubError } from '../domain/errors.ts';
import { isPublicId, type RepositoryId } from '../domain/ids.ts';
import type { Granted } from './authorize.ts';
import type { Capabilities } from './capabilities.ts';
import type { KnownSshKey, SshKeys } from './ssh-keys.ts';

/** Who came in by SSH has no password for HTTP, over which large files go: this stands for their key, on one repository. */
export interface LfsAccess {
  /** A credential for the LFS routes of a repository. */
  issue(
    granted: Granted<'read'>,
    key: KnownSshKey['key'],
    level: ReachLevel,
  ): { readonly credential: string; readonly expiresInSeconds: number };
  /**
   * Who acts with a credential, and with no more than it was issued for; undefined for what is none. Throws Forbidden when
   * it ran out, or its key was deleted.
   */
  actorOf(credential: string): Promise<Actor | undefined>;
}

const PURPOSE = 'lfs-access';
/** A client asks for a new one when this is over; what is under way by then has links of its own. */
const TTL_SECONDS = 1800;

const ended = () => forbidden('This access to large files has ended. Run the git command again.');

export function createLfsAccess(parts: {
  readonly capabilities: Capabilities;
  readonly sshKeys: SshKeys;
}): LfsAccess {
  const { capabilities, sshKeys } = parts;

  function verify(credential: string): ReturnType<Capabilities['verify']> | undefined {
    try {
      return capabilities.verify(PURPOSE, credential);
    } catch (error) {
      if (isHubError(error, 'Gone')) throw ended();
      return undefined;
    }
  }

  return {
    issue: ({ repo }, { publicId }, level) => ({
      credential: capabilities.sign(PURPOSE, { key: publicId, repository: repo.id, level }, TTL_SECONDS),
      expiresInSeconds: TTL_SECONDS,
    }),

    async actorOf(credential) {
      const facts = verify(credential);
      if (!facts) return undefined;
      const publicId = String(facts['key']);
      const known = isPublicId(publicId) ? await sshKeys.findById(publicId) : undefined;
      if (!known) throw ended();
      const repositoryId = Number(facts['repository']) as RepositoryId;
      return narrowed(known, repositoryId, facts['level'] === 'write' ? 'write' : 'read');
    },
  };
}

/** An actor that does no more than this on this repository, and nothing elsewhere. */
function narrowed({ key, actor }: KnownSshKey, repositoryId: RepositoryId, level: ReachLevel): Actor {
  if (actor.kind === 'deploy-key') {
    return actor.repositoryId === repositoryId && level === 'read' ? { ...actor, level } : actor;
  }
  const { publicId, title: name, createdAt } = key;
  const reach = { repositories: new Map([[repositoryId, level]]), namespaces: new Map() };
  return { ...actor, tokenRole: 'fineGrained', token: { publicId, name, createdAt, reach } };
}
