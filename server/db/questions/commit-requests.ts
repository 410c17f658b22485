import type { Oid, RepositoryId } from '../../domain/ids.ts';

/** A commit of the API that was answered, so that the same request can be answered again. */
export interface AnsweredCommit {
  readonly commit: Oid;
  /** Head of the branch when the commit was made. */
  readonly parent: Oid | undefined;
}

export interface CommitRequestStore {
  /** Newest first: earlier answers to exactly this request on this branch. */
  find(repositoryId: RepositoryId, branch: string, fingerprint: Buffer): Promise<readonly AnsweredCommit[]>;
  remember(
    repositoryId: RepositoryId,
    branch: string,
    fingerprint: Buffer,
    answer: AnsweredCommit,
    now: number,
  ): Promise<void>;
  deleteOlderThan(time: number): Promise<number>;
}
