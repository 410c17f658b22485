import { z } from 'zod';
import type { HeldKind, RepoKind } from '../domain/repo.ts';

/** Part of an API path (`/api/models/...`) for each kind of repository. */
export const KIND_SEGMENTS: Readonly<Record<string, RepoKind>> = {
  models: 'model',
  datasets: 'dataset',
  spaces: 'space',
  kernels: 'kernel',
};

export const segmentOf = (kind: HeldKind): string => `${kind}s`;

/** What stands before `owner/name` in the URL of a file or a page. */
export const urlPrefixOf = (kind: HeldKind): string => (kind === 'model' ? '' : `${kind}s/`);

export const repoKind = z.enum(['model', 'dataset', 'space', 'kernel']);
export const heldKind = z.enum(['model', 'dataset', 'space', 'kernel', 'bucket']);
export const visibility = z.enum(['public', 'private']);

/** Error answer of the Hub API; `error` is what the clients show. */
export interface ErrorReply {
  readonly error: string;
  readonly code: string;
  readonly requestId: string;
}

/** Time as clients parse it: UTC with milliseconds and a final `Z`. */
export const timestamp = (milliseconds: number): string => new Date(milliseconds).toISOString();
