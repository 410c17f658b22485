import type { HashAnswer, HashRequest } from './hash-messages.ts';

export interface Hasher {
  /** Hash of a file in hex. Rejects when the file cannot be read, or when the hasher is closed. */
  readonly hash: (
    file: Blob,
    algorithm: 'sha256' | 'git-blob',
    onRead?: (bytes: number) => void,
  ) => Promise<string>;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Ends the worker; what it was doing is given up. */
  readonly close: () => void;
}

interface Waiting {
  readonly resolve: (digest: string) => void;
  readonly reject: (error: Error) => void;
  readonly onRead: ((bytes: number) => void) | undefined;
}

/** Hashes files beside the page, so that the page stays quick while gigabytes are read. */
export function makeHasher(): Hasher {
  const worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { type: 'module' });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;

  const failAll = (message: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
    const job = waiting.get(data.id);
    if (!job) return;
    if (data.type === 'read') {
      job.onRead?.(data.bytes);
      return;
    }
    waiting.delete(data.id);
    if (data.type === 'done') job.resolve(data.digest);
    else job.reject(new Error(data.message));
  };
  worker.onerror = (event) => failAll(event.message);
  const say = (request: HashRequest): void => worker.postMessage(request);

  return {
    hash: (file, algorithm, onRead) =>
      new Promise((resolve, reject) => {
        const id = (lastId += 1);
        waiting.set(id, { resolve, reject, onRead });
        say({ type: 'hash', id, file, algorithm });
      }),
    pause: () => say({ type: 'pause' }),
    resume: () => say({ type: 'resume' }),
    close: () => {
      worker.terminate();
      failAll('');
    },
  };
}
