import type { ReachLevel, User } from '../../domain/account.ts';
import type { NamespaceId, PublicId, RepositoryId } from '../../domain/ids.ts';
import type { SshKeyType } from '../../domain/ssh-key.ts';

/** Whose a key for SSH is. */
export type SshKeyOwner =
  | { readonly kind: 'user'; readonly userId: NamespaceId }
  | { readonly kind: 'repository'; readonly repositoryId: RepositoryId };

export interface StoredSshKey {
  readonly publicId: PublicId;
  readonly type: SshKeyType;
  readonly blob: Buffer;
  /** SHA-256 of `blob`. */
  readonly fingerprint: Buffer;
  readonly title: string;
  /** What a deploy key may do in its repository; undefined for the key of a user. */
  readonly level: ReachLevel | undefined;
  /** Name of whoever added it, while there is such a user. */
  readonly addedBy: string | undefined;
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
}

/** A key with what it opens: all that its user may do, or one repository. */
export interface FoundSshKey {
  readonly key: StoredSshKey;
  readonly opens:
    | { readonly kind: 'user'; readonly user: User }
    | { readonly kind: 'repository'; readonly repositoryId: RepositoryId; readonly level: ReachLevel };
}

/** Public keys of people and of repositories. */
export interface SshKeyStore {
  /** Throws `Conflict`, without saying where, when the key is in use already. */
  add(key: {
    readonly owner:
      | Extract<SshKeyOwner, { kind: 'user' }>
      | (Extract<SshKeyOwner, { kind: 'repository' }> & { readonly level: ReachLevel });
    readonly fingerprint: Buffer;
    readonly type: SshKeyType;
    readonly blob: Buffer;
    readonly title: string;
    readonly addedBy: NamespaceId;
    readonly now: number;
  }): Promise<PublicId>;
  find(fingerprint: Buffer): Promise<FoundSshKey | undefined>;
  findById(publicId: PublicId): Promise<FoundSshKey | undefined>;
  /** In the order in which they were added. */
  list(owner: SshKeyOwner): Promise<readonly StoredSshKey[]>;
  /** True when the owner had such a key. */
  remove(owner: SshKeyOwner, publicId: PublicId): Promise<boolean>;
  touch(uses: readonly { publicId: PublicId; at: number }[]): Promise<void>;
}
