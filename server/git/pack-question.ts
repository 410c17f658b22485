import type { Oid } from '../domain/ids.ts';

/** What a client wants left out of an answer (git, Documentation/rev-list-options, `--filter`); Infinity for nothing. */
export interface ObjectFilter {
  /** Blobs of at least so many bytes are left out: at 0 all of them. */
  readonly blobBytes: number;
  /** Trees and blobs at least so deep are left out; the root tree of a commit is at depth 0. */
  readonly depth: number;
}

/**
 * What a fetch asks for, once negotiation is over. The answer holds what the wants reach and the client lacks; a few
 * objects more are allowed, one less is not.
 */
export interface PackQuestion {
  /** Objects of any type. What is asked for by name is always sent, whatever the filter says. */
  readonly wants: readonly Oid[];
  /** Commits, or tags, that the client has with all they reach, but for the parents of `clientShallow`. */
  readonly haves: readonly Oid[];
  /** Commits whose parents the client lacks. */
  readonly clientShallow: readonly Oid[];
  /** Commits whose parents this answer leaves out: where the client's history will end. */
  readonly cut: readonly Oid[];
  /** Commits of `clientShallow` where the client's history ends no longer: it has them, and gets what is behind. */
  readonly uncut: readonly Oid[];
  readonly filter: ObjectFilter | undefined;
  /** Annotated tags to add when what they lead to, peeled, is sent. */
  readonly includeTags: readonly { readonly tag: Oid; readonly target: Oid }[];
  /** Deltas may be against objects that the client has. */
  readonly mayBeThin: boolean;
  /** Deltas may name their base by its distance. */
  readonly mayUseOffsets: boolean;
}
