import type { readSession, SessionUserReply } from '../server/contract/accounts.ts';
import type { EntryReply } from '../server/contract/contents.ts';
import type { HubReply as HubFacts } from '../server/contract/hub.ts';
import type { LfsObjectReply } from '../server/contract/lfs.ts';
import type { AnswerOf } from '../server/contract/route.ts';

/*
 * What the hub answers to the page, by the names the page has for it. The shapes are those of the contract. Times are
 * ISO 8601, sizes are bytes.
 */
export type RepoKind = 'model' | 'dataset' | 'space';

/** By what lists of repos can be sorted here; the hub knows more. */
export const SORTS = ['lastModified', 'createdAt', 'downloads', 'likes'] as const;
export type RepoSort = (typeof SORTS)[number];

export type SessionUser = SessionUserReply;
export type OrganizationRole = SessionUserReply['organizations'][number]['role'];
export type {
  SessionReply as BrowserSession,
  TokenAccessReply,
  TokenReply,
} from '../server/contract/accounts.ts';
export type { DeployKeyReply as DeployKey, SshKeyReply as SshKey } from '../server/contract/ssh-keys.ts';
export type { ApplicationReply, AskedReply } from '../server/contract/oauth.ts';
export type TokenRole = 'read' | 'write' | 'fineGrained';

export type HubReply = HubFacts;
export type SessionReply = AnswerOf<typeof readSession>;
export type { OverviewReply } from '../server/contract/hub.ts';

export type { RepoReply as RepoInfo, RepoReply as RepoListItem } from '../server/contract/repos.ts';
export type { CommitReply, RefReply, RefsReply } from '../server/contract/contents.ts';
export type { DiffFileReply } from '../server/contract/diffs.ts';
export type { UploadModeReply as PreuploadReply } from '../server/contract/commits.ts';

/** Folders have no `lfs`, but asking is fine. */
export type TreeEntry = EntryReply & { readonly lfs?: Extract<EntryReply, { type: 'file' }>['lfs'] };
export type LfsObject = LfsObjectReply;

export interface PreuploadFile {
  readonly path: string;
  readonly size: number;
  /** Base64 of the first 512 bytes at most. */
  readonly sample: string;
}
