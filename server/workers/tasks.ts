import type { Sha256, XetHash } from '../domain/ids.ts';
import type { IngestPlan, IngestReport, IngestTurn } from '../git/ingest-report.ts';
import type { FetchedRemote, RemoteAddress } from '../git/remote-fetch.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import type { ChunkList } from '../xet/file-chunker.ts';

/*
 * What worker threads can do. The pool imports this file for its types alone; only workers load it, and each task
 * imports its engine when it is first asked for, so that a worker holds no more than it needs.
 *
 * To add a task: write a function into `calls` and run it with `pool.run('name', input)`.
 * To add a streaming task (state that lives over many messages): write a function into `sessions` that answers a
 * `SessionHandler`, and use it with `pool.open('name', input)`, then `push` and `close` or `abort`.
 *
 * Inputs and outputs are copied by structured clone: plain data and typed arrays, no class instances. Large arrays
 * are better handed over: callers name them in `transfer`, tasks in the `transfer` of their reply. An array that was
 * handed over is empty on the side that gave it. A HubError that a task throws arrives as the same HubError.
 */

/** What a task answers, and which of its buffers go to the caller without a copy. */
export interface Reply<Output> {
  readonly output: Output;
  readonly transfer?: readonly ArrayBuffer[];
}

/** State of a streaming task inside a worker. Its functions are never called while one of them is under way. */
export interface SessionHandler<Item, Progress, Output> {
  push(item: Item): Reply<Progress> | Promise<Reply<Progress>>;
  close(): Reply<Output> | Promise<Reply<Output>>;
  /** Release what must be released when the session ends without `close`. */
  abort?(): void;
}

/** Tasks of one question and one answer. A worker runs one of them at a time. */
export const calls = {
  /** Prove an uploaded xorb. Hand over its buffer: it comes back as `content`, without the footer. */
  verifyXorb: async (input: { readonly bytes: Uint8Array<ArrayBuffer>; readonly expected: XetHash }) => {
    const { verifyXorb } = await import('../xet/xorb.ts');
    const { writeChunkIndex } = await import('../xet/chunk-index.ts');
    const { contentBytes, rawBytes, index } = await verifyXorb(input.bytes, input.expected).catch(
      (error: unknown) => {
        // Nobody will look at it any more, and a thread without work does not look for garbage.
        freeBytes(input.bytes);
        throw error;
      },
    );
    return {
      output: {
        /** The chunk records, to be stored as they are. */
        content: input.bytes.subarray(0, contentBytes),
        /** Stored form of the chunk index. */
        chunkIndex: writeChunkIndex(index),
        chunkCount: index.count,
        rawBytes,
      },
      transfer: [input.bytes.buffer],
    };
  },

  /** Raw bytes of consecutive chunk records, `rawBytes` of them. Hand over the buffer of `records`. */
  inflateBlock: async (input: { readonly records: Uint8Array<ArrayBuffer>; readonly rawBytes: number }) => {
    const { inflateBlock } = await import('../xet/chunk-block.ts');
    const output = inflateBlock(input.records, input.rawBytes);
    return { output, transfer: [output.buffer] };
  },

  /** Parameters by a safetensors header; undefined when it is none. Hand over its buffer. */
  safetensorsTotals: async (input: { readonly bytes: Uint8Array<ArrayBuffer> }) => {
    const { parseSafetensorsHeader } = await import('../domain/safetensors.ts');
    return { output: parseSafetensorsHeader(input.bytes) };
  },

  /** What an index of safetensors files says; undefined when it is none. Hand over its buffer. */
  safetensorsIndex: async (input: { readonly bytes: Uint8Array<ArrayBuffer> }) => {
    const { parseSafetensorsIndex } = await import('../domain/safetensors.ts');
    return { output: parseSafetensorsIndex(input.bytes) };
  },

  /** Metadata of a card as JSON text (`services/cards.ts`). */
  cardJson: async (input: { readonly text: string }) => {
    const { cardJson } = await import('../services/cards.ts');
    return { output: cardJson(input.text) };
  },

  /** What commits of a card are refused for (`services/cards.ts`). */
  readCard: async (input: { readonly text: string }) => {
    const { readCard } = await import('../services/cards.ts');
    const { errors, warnings } = readCard(input.text);
    return { output: { errors, warnings } };
  },

  /** All that the hub says of a card (`services/card-rules.ts`). */
  validateCard: async (input: { readonly text: string; readonly repoType: string | undefined }) => {
    const { validateCard } = await import('../services/card-rules.ts');
    const { errors, warnings } = validateCard(input.text, input.repoType);
    return { output: { errors, warnings } };
  },

  /** Nothing but what `ingestPack` needs: a push begins when its client was told the refs, and sends later. */
  loadIngest: async (_input: undefined) => {
    await import('../git/pack-ingest.ts');
    return { output: undefined };
  },
};

/** Tasks with a state. A worker may hold many sessions beside its calls. */
export const sessions = {
  /** SHA-256 and length of everything pushed. Hand over the buffers. */
  sha256: async (): Promise<
    SessionHandler<Uint8Array, undefined, { readonly sha256: Sha256; readonly sizeBytes: number }>
  > => {
    const { createHash } = await import('node:crypto');
    const hash = createHash('sha256');
    let sizeBytes = 0;
    return {
      push: (bytes) => {
        hash.update(bytes);
        sizeBytes += bytes.length;
        return { output: undefined };
      },
      close: () => ({ output: { sha256: hash.digest('hex') as Sha256, sizeBytes } }),
    };
  },

  /** Chunks of everything pushed: raw hashes back to back, and lengths. Hand over the buffers. */
  chunks: async (): Promise<SessionHandler<Uint8Array, ChunkList, ChunkList>> => {
    const { createFileChunker } = await import('../xet/file-chunker.ts');
    const chunker = await createFileChunker();
    const reply = (output: ChunkList): Reply<ChunkList> => ({
      output,
      transfer: [output.hashes.buffer, output.lengths.buffer],
    });
    return { push: (bytes) => reply(chunker.add(bytes)), close: () => reply(chunker.end()) };
  },

  /** Receive a pack that is being written to `path`: each push is a turn of it (`git/pack-ingest.ts`). */
  ingestPack: async (input: {
    readonly path: string;
    readonly plan: IngestPlan;
  }): Promise<SessionHandler<IngestTurn, IngestReport, undefined>> => {
    const { ingestPack } = await import('../git/pack-ingest.ts');
    const { createConversation } = await import('./conversation.ts');
    const { openRandomAccess } = await import('../platform/scratch-file.ts');
    const work = createConversation<IngestTurn, IngestReport>(async (first, turn) => {
      const file = openRandomAccess(input.path);
      try {
        return await ingestPack(file, input.plan, first, turn);
      } finally {
        file.close();
      }
    });
    return {
      push: async (told) => ({ output: await work.next(told) }),
      close: () => {
        work.abort();
        return { output: undefined };
      },
      abort: () => work.abort(),
    };
  },

  /** Fetch from elsewhere into a file that exists (`git/remote-fetch.ts`): a push begins it and answers at its end. */
  fetchRemote: async (input: {
    readonly from: RemoteAddress;
    readonly maxBytes: number;
    readonly packPath: string;
  }): Promise<SessionHandler<undefined, FetchedRemote, undefined>> => {
    const { fetchRemote } = await import('../git/remote-fetch.ts');
    const { from, maxBytes, packPath } = input;
    const ending = new AbortController();
    return {
      push: async () => ({
        output: await fetchRemote(from, { maxBytes, packPath, signal: ending.signal }),
      }),
      close: () => ({ output: undefined }),
      abort: () => ending.abort(),
    };
  },
};

export type Calls = typeof calls;
export type Sessions = typeof sessions;
