import { createHash } from 'node:crypto';
import type { FoundSshKey, SshKeyOwner, StoredSshKey } from '../db/questions/ssh-keys.ts';
import type { Database } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import type { ReachLevel } from '../domain/account.ts';
import { HubError } from '../domain/errors.ts';
import type { NamespaceId, PublicId } from '../domain/ids.ts';
import { parseSshPublicKey, type SshPublicKey } from '../domain/ssh-key.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { actorIdOf, type Authorize, type Granted } from './authorize.ts';
import { createLastSeen } from './last-seen.ts';
import { parseLine } from './person-text.ts';

export type { StoredSshKey };

const MOST_KEYS = 1_000;
const MINUTE_MS = 60_000;
const FLUSH_MS = 5_000;

export interface NewSshKey {
  /** Left out or empty: the comment of the key, or else its type. */
  readonly title?: string | undefined;
  /** As it stands in a `.pub` file. */
  readonly key: string;
}

/** A key that the hub knows, and who acts with it. */
export interface KnownSshKey {
  readonly key: StoredSshKey;
  readonly actor: Exclude<Actor, { kind: 'anonymous' }>;
}

/**
 * Public keys for SSH: those of people, and deploy keys, each of which opens one repository. A key is of one of them
 * alone. Adding throws InvalidKey, InvalidBody for the title, TooManyItems, and Conflict for a key that is in use, by
 * whomever.
 */
export interface SshKeys {
  listOwn(userId: NamespaceId): Promise<readonly StoredSshKey[]>;
  addOwn(userId: NamespaceId, key: NewSshKey): Promise<StoredSshKey>;
  /** Throws NotFound. */
  removeOwn(userId: NamespaceId, publicId: PublicId): Promise<void>;
  list(granted: Granted<'administer'>): Promise<readonly StoredSshKey[]>;
  add(granted: Granted<'administer'>, key: NewSshKey & { readonly level: ReachLevel }): Promise<StoredSshKey>;
  /** Throws NotFound. */
  remove(granted: Granted<'administer'>, publicId: PublicId): Promise<void>;
  /** The key with these bytes (RFC 4253, 6.6). */
  find(blob: Uint8Array): Promise<KnownSshKey | undefined>;
  findById(publicId: PublicId): Promise<KnownSshKey | undefined>;
  /** Note that somebody came in with this key. Never waits. */
  noteUse(key: StoredSshKey): void;
  /** Write times of last use that are not written yet. To be called at stop. */
  close(): Promise<void>;
}

/** `SHA256:` and the hash in base64, as `ssh-keygen -l` writes it. */
export const fingerprintText = ({ fingerprint }: Pick<StoredSshKey, 'fingerprint'>): string =>
  `SHA256:${fingerprint.toString('base64').replace(/=+$/, '')}`;

/** The key on one line, without its comment: the title takes its place. */
export const publicKeyText = ({ type, blob }: Pick<StoredSshKey, 'type' | 'blob'>): string =>
  `${type} ${blob.toString('base64')}`;

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

export function createSshKeys(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly authorize: Authorize;
}): SshKeys {
  const { db, clock, log, authorize } = parts;
  const lastUsed = createLastSeen<PublicId>({
    delayMs: FLUSH_MS,
    log,
    write: (uses) =>
      db.write((stores) => stores.sshKeys.touch([...uses].map(([publicId, at]) => ({ publicId, at })))),
  });

  return {
    listOwn: (userId) => db.read(({ sshKeys }) => sshKeys.list({ kind: 'user', userId })),

    async addOwn(userId, wish) {
      const { key, title } = parseWish(wish);
      return db.write(async ({ sshKeys }) => {
        const owner = { kind: 'user', userId } as const;
        refuseMany(await sshKeys.list(owner));
        await sshKeys.add({ owner, ...wireFacts(key), title, addedBy: userId, now: clock.now() });
        return (await sshKeys.list(owner)).at(-1) ?? gone();
      });
    },

    async removeOwn(userId, publicId) {
      const owner: SshKeyOwner = { kind: 'user', userId };
      if (!(await db.write(({ sshKeys }) => sshKeys.remove(owner, publicId)))) throw noSuchKey();
    },

    list: ({ repo }) => db.read(({ sshKeys }) => sshKeys.list({ kind: 'repository', repositoryId: repo.id })),

    async add(granted, { level, ...wish }) {
      const { key, title } = parseWish(wish);
      return db.write(async (stores) => {
        const { repo, actor } = await authorize.confirm(stores, granted, 'administer');
        // Administering is not writing, and must not become so by way of a key.
        if (level === 'write') await authorize.confirm(stores, granted, 'write');
        const addedBy = actorIdOf(actor);
        if (addedBy === undefined) return gone();
        const owner = { kind: 'repository', repositoryId: repo.id, level } as const;
        refuseMany(await stores.sshKeys.list(owner));
        const now = clock.now();
        await stores.sshKeys.add({ owner, ...wireFacts(key), title, addedBy, now });
        const added = (await stores.sshKeys.list(owner)).at(-1) ?? gone();
        await stores.events.append({
          kind: 'deploy-key-added',
          repositoryId: repo.id,
          actorId: addedBy,
          payload: JSON.stringify({ fingerprint: fingerprintText(added), title, level }),
          at: now,
        });
        return added;
      });
    },

    remove: (granted, publicId) =>
      db.write(async (stores) => {
        const { repo, actor } = await authorize.confirm(stores, granted, 'administer');
        const owner = { kind: 'repository', repositoryId: repo.id } as const;
        if (!(await stores.sshKeys.remove(owner, publicId))) throw noSuchKey();
        await stores.events.append({
          kind: 'deploy-key-removed',
          repositoryId: repo.id,
          actorId: actorIdOf(actor),
          payload: JSON.stringify({ key: publicId }),
          at: clock.now(),
        });
      }),

    async find(blob) {
      const found = await db.read(({ sshKeys }) => sshKeys.find(sha256(blob)));
      return found && known(found);
    },

    async findById(publicId) {
      const found = await db.read(({ sshKeys }) => sshKeys.findById(publicId));
      return found && known(found);
    },

    noteUse({ publicId, lastUsedAt }) {
      const now = clock.now();
      if (now - (lastUsedAt ?? 0) >= MINUTE_MS) lastUsed.note(publicId, now);
    },

    close: () => lastUsed.flush(),
  };
}

const noSuchKey = (): HubError => new HubError('NotFound', 'There is no such key.');

function gone(): never {
  throw new HubError('Internal', 'A key was added by nobody, or is not there.');
}

function parseWish(wish: NewSshKey): { readonly key: SshPublicKey; readonly title: string } {
  const key = parseSshPublicKey(wish.key);
  const given = parseLine(wish.title ?? '', 'The title of the key');
  return { key, title: given || titleOf(key) };
}

/** A comment is by habit `user@machine`; one that could be no title is left out. */
function titleOf({ comment, type }: SshPublicKey): string {
  try {
    return parseLine(comment, 'The comment', 1);
  } catch {
    return type;
  }
}

const wireFacts = ({ type, blob }: SshPublicKey) => ({
  type,
  blob: Buffer.from(blob),
  fingerprint: sha256(blob),
});

function refuseMany(keys: readonly StoredSshKey[]): void {
  if (keys.length < MOST_KEYS) return;
  throw new HubError('TooManyItems', `There can be ${MOST_KEYS} keys. Delete some first.`, {
    details: { most: MOST_KEYS },
  });
}

function known({ key, opens }: FoundSshKey): KnownSshKey {
  if (opens.kind === 'user') {
    return { key, actor: { kind: 'user', user: opens.user, via: 'key', tokenRole: 'write' } };
  }
  const { publicId, title } = key;
  const { repositoryId, level } = opens;
  return { key, actor: { kind: 'deploy-key', publicId, title, repositoryId, level } };
}
