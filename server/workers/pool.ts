import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { HubError } from '../domain/errors.ts';
import { unpackFailure } from './messages.ts';
import type { Request, Response } from './messages.ts';
import type { Calls, Sessions } from './tasks.ts';

type InputOf<Task> = Task extends (input: infer Input) => unknown ? Input : never;
type ReplyOf<Task> = Task extends (input: never) => Promise<infer Answer> ? Answer : never;
type OutputOf<Call> = ReplyOf<Call> extends { readonly output: infer Output } ? Output : never;
type SessionOf<Task> =
  ReplyOf<Task> extends {
    push(item: infer Item): infer Pushed;
    close(): infer Closed;
  }
    ? WorkerSession<
        Item,
        Awaited<Pushed> extends { readonly output: infer Progress } ? Progress : never,
        Awaited<Closed> extends { readonly output: infer Output } ? Output : never
      >
    : never;

/** A streaming task under way in one worker. End it with `close` or `abort`, whatever happens. */
export interface WorkerSession<Item, Progress, Output> {
  /** Wait for it before the next one or two pushes: that is the back-pressure. A failure ends the session. */
  push(item: Item, transfer?: readonly ArrayBuffer[]): Promise<Progress>;
  /** Everything pushed is worked off, and the result is here. */
  close(): Promise<Output>;
  /** Give up. Fine after `close`, after a failure, and twice. */
  abort(): void;
}

/** Threads for work that would hold the event loop. What they can do is listed in `tasks.ts`. */
export interface WorkerPool {
  /**
   * Run one task. Waits in line while all workers are busy. `transfer` hands buffers over instead of copying them.
   * Rejects with what the task threw; with `Internal` when its thread died; with `Unavailable` after `close`.
   */
  run<Name extends keyof Calls>(
    task: Name,
    input: InputOf<Calls[Name]>,
    transfer?: readonly ArrayBuffer[],
  ): Promise<OutputOf<Calls[Name]>>;
  /** Start a streaming task. Sessions do not wait in line and hold no worker for themselves. */
  open<Name extends keyof Sessions>(
    task: Name,
    ...input: Parameters<Sessions[Name]>
  ): Promise<SessionOf<Sessions[Name]>>;
  /** How many threads exist, and how many calls wait for one. */
  counts(): { readonly workers: number; readonly waiting: number };
  /** Stop all threads. What is under way or waiting rejects with `Unavailable`. */
  close(): Promise<void>;
}

export interface WorkerPoolOptions {
  /** Most threads at a time. None runs until there is work. */
  readonly size: number;
  /** A thread without work for this long is stopped. */
  readonly idleMs?: number;
  /** The worker's entry; a bundle names its own. */
  readonly entry?: URL;
}

interface Pending {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  /** A call is running; sessions may still send to this thread, their messages then wait in its queue. */
  isCalled: boolean;
  sessions: number;
  idleTimer: NodeJS.Timeout | undefined;
}

interface WaitingCall extends Pending {
  readonly message: Request & { readonly kind: 'call' };
  readonly transfer: readonly ArrayBuffer[];
}

const DEFAULT_IDLE_MS = 30_000;
/**
 * What a heavy task leaves behind is garbage that nobody collects, for a thread without work allocates nothing: a thread
 * that holds more than this is stopped as soon as it has nothing to do, and the next task starts another.
 */
const HEAVY_BYTES = 48 * 1024 * 1024;
const HEAVY_IDLE_MS = 200;
/** V8 would let garbage of tasks grow to 140 MB in each thread, and buffers with it, which makes nothing faster. */
const YOUNG_MB = 3;

/**
 * An environment of their own: tasks are pure and have no business with the process's secrets. What the process keeps
 * compiled they are told, for a thread starts in a quarter of the time with it, and finds it by no other way.
 */
const threadEnvironment = (): NodeJS.ProcessEnv => {
  // The process names the folder of its own version there.
  const compiled = getCompileCacheDir();
  return compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) };
};

const closed = (): HubError => new HubError('Unavailable', 'The server is shutting down.');
const died = (cause: unknown): HubError =>
  new HubError('Internal', 'A worker thread stopped unexpectedly.', { cause });

/** Make a pool. Threads start with the first work and stop when idle; `close` ends the pool. */
export const createWorkerPool = (options: WorkerPoolOptions): WorkerPool => {
  const { size, idleMs = DEFAULT_IDLE_MS, entry = new URL('./worker.ts', import.meta.url) } = options;
  const threads = new Set<Thread>();
  const waiting: WaitingCall[] = [];
  let lastId = 0;
  let isClosed = false;

  const nextId = (): number => (lastId += 1);

  const bury = (thread: Thread, error: Error): void => {
    if (!threads.delete(thread)) return;
    clearTimeout(thread.idleTimer);
    const pending = [...thread.pending.values()];
    thread.pending.clear();
    for (const { reject } of pending) reject(error);
    dispatch();
  };

  const stop = async (thread: Thread, error: Error): Promise<void> => {
    bury(thread, error);
    await thread.worker.terminate();
  };

  const startThread = (): Thread => {
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
    const worker = new Worker(entry, { env: threadEnvironment(), name: 'atoll-worker', resourceLimits });
    const thread: Thread = { worker, pending: new Map(), isCalled: false, sessions: 0, idleTimer: undefined };
    worker.on('message', (response: Response) => {
      const pending = thread.pending.get(response.id);
      thread.pending.delete(response.id);
      settle(thread);
      if (response.ok) pending?.resolve(response.output);
      else pending?.reject(unpackFailure(response.failure));
    });
    worker.on('messageerror', (error) => void stop(thread, died(error)));
    worker.on('error', (error) => bury(thread, died(error)));
    worker.on('exit', (code) => bury(thread, died(`exit code ${code}`)));
    threads.add(thread);
    return thread;
  };

  const isIdle = (thread: Thread): boolean => thread.pending.size === 0 && thread.sessions === 0;

  const stopIfHeavy = async (thread: Thread): Promise<void> => {
    // Rejects when the thread ends meanwhile, which is as good.
    const held = await thread.worker.getHeapStatistics().catch(() => undefined);
    if (held === undefined || !threads.has(thread) || !isIdle(thread)) return;
    if (held.total_heap_size + held.external_memory > HEAVY_BYTES) await stop(thread, closed());
  };

  /** A thread with work keeps the process alive; one without may be stopped after a while. */
  const settle = (thread: Thread): void => {
    if (thread.pending.size === 0) thread.worker.unref();
    else thread.worker.ref();
    clearTimeout(thread.idleTimer);
    if (!isIdle(thread)) return;
    thread.idleTimer = setTimeout(
      () => {
        thread.idleTimer = setTimeout(() => void stop(thread, closed()), idleMs).unref();
        void stopIfHeavy(thread);
      },
      Math.min(HEAVY_IDLE_MS, idleMs),
    ).unref();
  };

  const post = (
    thread: Thread,
    message: Request,
    transfer: readonly ArrayBuffer[],
    pending: Pending,
  ): void => {
    thread.pending.set(message.id, pending);
    settle(thread);
    try {
      thread.worker.postMessage(message, transfer);
    } catch (error) {
      thread.pending.delete(message.id);
      settle(thread);
      pending.reject(error instanceof Error ? error : new Error(String(error)));
    }
  };

  const ask = (thread: Thread, message: Request, transfer: readonly ArrayBuffer[] = []): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (threads.has(thread)) post(thread, message, transfer, { resolve, reject });
      else reject(isClosed ? closed() : died('the thread of this session is gone'));
    });

  const load = (thread: Thread): number => thread.sessions + (thread.isCalled ? 1 : 0);

  /** The thread with the least to do, or a new one while there may be more. */
  const pick = (candidates: readonly Thread[]): Thread | undefined => {
    const best = candidates.toSorted((left, right) => load(left) - load(right))[0];
    if ((best === undefined || load(best) > 0) && threads.size < size) return startThread();
    return best;
  };

  const dispatch = (): void => {
    while (waiting.length > 0 && !isClosed) {
      const thread = pick([...threads].filter((candidate) => !candidate.isCalled));
      const call = thread && waiting.shift();
      if (!call) return;
      thread.isCalled = true;
      const done = (): void => {
        thread.isCalled = false;
        dispatch();
      };
      post(thread, call.message, call.transfer, {
        resolve: (output) => {
          done();
          call.resolve(output);
        },
        reject: (error) => {
          done();
          call.reject(error);
        },
      });
    }
  };

  const createSession = (thread: Thread, session: number): WorkerSession<unknown, unknown, unknown> => {
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      thread.sessions -= 1;
      settle(thread);
    };
    return {
      push: async (item, transfer) => {
        try {
          return await ask(thread, { kind: 'push', id: nextId(), session, item }, transfer);
        } catch (error) {
          end();
          throw error;
        }
      },
      close: async () => {
        try {
          return await ask(thread, { kind: 'close', id: nextId(), session });
        } finally {
          end();
        }
      },
      abort: () => {
        if (isOver) return;
        end();
        // The thread may be gone already, and then there is nothing left to give up.
        ask(thread, { kind: 'abort', id: nextId(), session }).catch(() => undefined);
      },
    };
  };

  const pool = {
    run: (task: string, input: unknown, transfer: readonly ArrayBuffer[] = []): Promise<unknown> =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(closed());
          return;
        }
        waiting.push({ message: { kind: 'call', id: nextId(), task, input }, transfer, resolve, reject });
        dispatch();
      }),
    open: async (task: string, input?: unknown): Promise<WorkerSession<unknown, unknown, unknown>> => {
      if (isClosed) throw closed();
      const thread = pick([...threads]);
      if (!thread) throw new Error('a worker pool needs a size of at least 1');
      const session = nextId();
      thread.sessions += 1;
      try {
        await ask(thread, { kind: 'open', id: session, session, task, input });
      } catch (error) {
        thread.sessions -= 1;
        settle(thread);
        throw error;
      }
      return createSession(thread, session);
    },
    counts: () => ({ workers: threads.size, waiting: waiting.length }),
    close: async () => {
      isClosed = true;
      for (const call of waiting.splice(0)) call.reject(closed());
      await Promise.all([...threads].map((thread) => stop(thread, closed())));
    },
  };
  // Messages are untyped on their way; this table of types is what makes both ends agree.
  return pool as WorkerPool;
};
