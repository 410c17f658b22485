import { ApiError, postLfs, putBytes } from '../api.ts';
import type { LfsObject } from '../wire.ts';
import type { SentPart } from './queue.ts';

const TRIES = 4;
const FIRST_PAUSE_MS = 1000;

export interface Sending {
  readonly signal: AbortSignal;
  /** Bytes of this object that have arrived or are under way. */
  readonly onProgress: (bytes: number) => void;
  /** Parts that have arrived; filled here and kept over a pause. */
  readonly parts: Map<number, SentPart>;
  /** Shares the connections of this page between all objects. */
  readonly limit: <T>(task: () => Promise<T>) => Promise<T>;
}

type UploadAction = NonNullable<NonNullable<LfsObject['actions']>['upload']>;

interface PartPlan {
  readonly number: number;
  readonly href: string;
  readonly start: number;
  readonly end: number;
}

/** The parts of a multipart upload: every numbered header is the address of one (LFS transfer `multipart`). */
function planParts(upload: UploadAction, size: number): readonly PartPlan[] | undefined {
  const chunk = Number(upload.header?.['chunk_size'] ?? NaN);
  if (!Number.isFinite(chunk) || chunk <= 0) return undefined;
  return Object.entries(upload.header ?? {})
    .filter(([key]) => /^\d+$/.test(key))
    .map(([key, href]) => ({ number: Number(key), href }))
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, href }) => ({
      number,
      href,
      start: (number - 1) * chunk,
      end: Math.min(size, number * chunk),
    }));
}

const mayPass = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status >= 500);

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new DOMException('The transfer was stopped.', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });

/** Tries again what a lost connection or a busy hub may have broken; every answer with a reason is final. */
export async function withRetries<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt === TRIES || !mayPass(error)) throw error;
      await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal);
    }
  }
}

/** Puts the bytes of one object where the hub wants them. Whether they are right is asked by `checkObject`. */
export async function sendObject(file: Blob, upload: UploadAction, sending: Sending): Promise<void> {
  const { limit, onProgress, parts, signal } = sending;
  const plan = planParts(upload, file.size);
  if (!plan) {
    await limit(() => withRetries(signal, () => putBytes(upload.href, file, { signal, onProgress })));
    return;
  }
  const sent = new Map<number, number>();
  for (const part of plan) if (parts.has(part.number)) sent.set(part.number, part.end - part.start);
  const report = (): void => onProgress([...sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  report();
  await Promise.all(
    plan
      .filter(({ number }) => !parts.has(number))
      .map((part) =>
        limit(async () => {
          const etag = await withRetries(signal, () =>
            putBytes(part.href, file.slice(part.start, part.end), {
              signal,
              onProgress: (bytes) => {
                sent.set(part.number, bytes);
                report();
              },
            }),
          );
          parts.set(part.number, { etag, bytes: part.end - part.start });
        }),
      ),
  );
}

/** Lets the hub put the parts together and prove the SHA-256. Fails when what arrived is not what was meant. */
export async function checkObject(
  object: LfsObject,
  sending: Pick<Sending, 'signal' | 'parts'>,
): Promise<void> {
  const { oid, size, actions } = object;
  const { signal, parts } = sending;
  if (actions?.upload && planParts(actions.upload, size)) {
    const list = [...parts]
      .toSorted(([a], [b]) => a - b)
      .map(([partNumber, { etag }]) => ({ partNumber, etag }));
    await withRetries(signal, () => postLfs(actions.upload!.href, { oid, parts: list }, signal));
  }
  if (actions?.verify) await withRetries(signal, () => postLfs(actions.verify!.href, { oid, size }, signal));
}
