import { z } from 'zod';
import { flag, integer, text } from './query.ts';
import { noBody, repo, reply, route } from './route.ts';

/** One changed file. Names are those of the hub that had this answer first. */
export interface DiffFileReply {
  /** Where the file is, or was if it is gone. */
  readonly path: string;
  readonly type: 'added' | 'removed' | 'modified' | 'renamed';
  /** With `renamed`: where it was, and how many per cent of the content stayed. */
  readonly previous_path?: string;
  readonly similarity?: number;
  /** Git blob ids and modes; null where the side is not there. Of a large file they are those of its pointer. */
  readonly previous_oid: string | null;
  readonly oid: string | null;
  readonly previous_mode: string | null;
  readonly mode: string | null;
  /** Lengths of the content, of large files in full. */
  readonly previous_size_bytes: number | null;
  readonly size_bytes: number | null;
  readonly is_lfs: boolean;
  readonly previous_sha256: string | null;
  readonly sha256: string | null;
  readonly is_binary: boolean;
  /** Null where lines were not compared. */
  readonly additions: number | null;
  readonly deletions: number | null;
  /** Hunks in unified form; null where there are none to show, and then `diff_omitted` says why. */
  readonly diff: string | null;
  readonly diff_omitted?: 'binary' | 'large-file' | 'too-long';
}

interface DiffReply {
  /** Changed files in all, on every page; null when they are too many to be counted beforehand. */
  readonly files_changed: number | null;
  readonly files: readonly DiffFileReply[];
}

export interface CommitDiffReply extends DiffReply {
  readonly commit_id: string;
  /** What it is compared with; null for a first commit. */
  readonly parent_commit: string | null;
  readonly title: string;
  readonly message: string;
  readonly author: string;
  readonly date: string;
}

export interface CompareReply extends DiffReply {
  readonly base_commit: string;
  readonly head_commit: string;
  /** With three dots: where the two parted, which is what the head is compared with. */
  readonly merge_base: string | null;
}

const diffQuery = {
  /** Unified text of everything instead of a page. */
  raw: flag,
  /** Only this file or folder. */
  path: text(4096),
  limit: integer(1, 1000),
  cursor: text(512),
};

export const commitDiff = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/commit/:revision/diff',
  access: repo('read'),
  summary: 'What a commit changed against its first parent, a page at a time or whole as a patch.',
  query: z.object({ ...diffQuery, parent: integer(1, 1000) }),
  body: noBody,
  answer: reply<CommitDiffReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'InvalidCursor', 'InvalidPath'],
});

export const compare = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/compare/*',
  access: repo('read'),
  summary:
    'What differs between two revisions (`a..b`), or between where they parted and the second (`a...b`).',
  query: z.object(diffQuery),
  body: noBody,
  answer: reply<CompareReply>(),
  errors: ['RepoNotFound', 'RevisionNotFound', 'InvalidRevision', 'InvalidCursor', 'InvalidPath'],
});
