import type { ByteSource } from '../objects/object-store.ts';
import type { Granted } from './authorize.ts';

/** Version of the wire protocol that a client asked for: `Git-Protocol` over HTTP, `GIT_PROTOCOL` over SSH. */
export type GitProtocol = 0 | 1 | 2;

/**
 * One request of a client over HTTP, or one whole conversation over SSH. Services answer it with a stream of bytes:
 * what is wrong with the request itself is said inside that stream, as git does, in words that the person sees.
 */
export interface GitExchange {
  readonly protocol: GitProtocol;
  /** HTTP: each request stands for itself. SSH: questions and answers follow each other on one channel. */
  readonly isStateless: boolean;
  readonly input: ByteSource;
  /** Address of the client: those who did not sign in are told apart by nothing else. */
  readonly from: string;
  /** Aborted when the client is gone: whatever is being computed for it ends. */
  readonly signal: AbortSignal;
}

/** Serves clone and fetch. */
export interface UploadPack {
  /** What a client is told first: refs (protocol 0 and 1) or capabilities (2), flush included. */
  advertise(granted: Granted<'read'>, protocol: GitProtocol): Promise<Buffer>;
  serve(granted: Granted<'read'>, exchange: GitExchange): ByteSource;
}

/** Serves push. Its wire is protocol 0, whatever the client asked for. */
export interface ReceivePack {
  advertise(granted: Granted<'write'>): Promise<Buffer>;
  serve(granted: Granted<'write'>, exchange: GitExchange): ByteSource;
}
