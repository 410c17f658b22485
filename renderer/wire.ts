/** What the hub answers to the page: the fields the page reads, nothing more. Times are ISO 8601, sizes are bytes. */

export type RepoKind = 'model' | 'dataset' | 'space';
export type OrganizationRole = 'visitor' | 'member' | 'admin' | 'super-admin';
export type TokenRole = 'read' | 'write';

export interface SessionUser {
  readonly id: string;
  readonly name: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly isAdmin: boolean;
  readonly organizations: readonly {
    readonly id: string;
    readonly name: string;
    readonly fullName: string;
    readonly role: OrganizationRole;
  }[];
}

export interface HubReply {
  readonly name: string;
  readonly version: string;
  readonly setupRequired: boolean;
  /** The origin by which this page reached the hub. */
  readonly endpoint: string;
  /** Every origin the hub listens on. */
  readonly endpoints: readonly string[];
  /** Where the hub keeps its files; told to whoever sets it up or administers it. */
  readonly dataFolder?: string | null;
  /** True when the hub answers `git clone`; a hub that does not say so is not asked for it. */
  readonly git?: boolean;
}

export interface SessionReply {
  readonly user: SessionUser | null;
}

export interface OverviewReply {
  readonly counts: Readonly<Record<RepoKind, number>>;
  readonly storage: {
    readonly heldBytes: number;
    readonly freeBytes: number | null;
    readonly totalBytes: number | null;
    readonly byKind?: Readonly<Record<RepoKind, number>>;
    readonly countedAt: string;
  };
  readonly recent: readonly {
    readonly kind: RepoKind;
    readonly id: string;
    readonly private: boolean;
    readonly lastModified: string;
    readonly usedStorage: number;
    readonly lastCommit: { readonly title: string; readonly author: string; readonly date: string } | null;
  }[];
}

export interface TokenReply {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
  readonly prefix: string;
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
  readonly expiresAt: string | null;
}

export interface RepoListItem {
  readonly _id: string;
  readonly id: string;
  readonly private: boolean;
  readonly lastModified?: string;
  readonly createdAt?: string;
  readonly tags?: readonly string[];
  readonly pipeline_tag?: string;
}

export interface RepoInfo {
  readonly id: string;
  readonly sha: string | null;
  readonly private: boolean;
  readonly lastModified?: string;
  readonly createdAt?: string;
  readonly siblings?: readonly { readonly rfilename: string }[];
  readonly usedStorage?: number;
  readonly tags?: readonly string[];
}

export interface RefReply {
  readonly name: string;
  readonly ref: string;
  readonly targetCommit: string;
}

export interface RefsReply {
  readonly branches: readonly RefReply[];
  readonly tags: readonly RefReply[];
  readonly converts?: readonly RefReply[];
}

export interface TreeEntry {
  readonly type: 'file' | 'directory';
  readonly oid: string;
  readonly size: number;
  readonly path: string;
  readonly lfs?: { readonly oid: string; readonly size: number; readonly pointerSize: number };
  readonly lastCommit?: { readonly id: string; readonly title: string; readonly date: string };
}

export interface CommitReply {
  readonly id: string;
  readonly title: string;
  readonly message: string;
  readonly date: string;
  readonly authors: readonly { readonly user: string }[];
}

export interface PreuploadFile {
  readonly path: string;
  readonly size: number;
  /** Base64 of the first 512 bytes at most. */
  readonly sample: string;
}

export interface PreuploadReply {
  readonly path: string;
  readonly uploadMode: 'lfs' | 'regular';
  readonly shouldIgnore: boolean;
  /** What is at that path now: git blob SHA-1 of a regular file, SHA-256 of an LFS file. */
  readonly oid?: string | null;
}

export interface LfsObject {
  readonly oid: string;
  readonly size: number;
  /** Absent when the hub already holds these bytes for this repo. */
  readonly actions?: {
    readonly upload?: { readonly href: string; readonly header?: Readonly<Record<string, string>> };
    readonly verify?: { readonly href: string; readonly header?: Readonly<Record<string, string>> };
  };
  readonly error?: { readonly code: number; readonly message: string };
}
