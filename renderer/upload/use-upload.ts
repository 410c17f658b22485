import { useQueryClient } from '@tanstack/vue-query';
import { computed, onBeforeUnmount, ref, shallowRef } from 'vue';
import * as api from '../api.ts';
import type { CommitDoneReply } from '../../server/contract/commits.ts';
import { ApiError } from '../api.ts';
import { explainShortly } from '../explain.ts';
import { m } from '../messages.ts';
import { platform } from '../platform.ts';
import { keys } from '../queries.ts';
import type { RepoRef } from '../repo-ref.ts';
import { toBase64 } from './base64.ts';
import { commitBody, type CommitText } from './commit-lines.ts';
import { makeHasher, type Hasher } from './hasher.ts';
import { makeLimiter } from './limiter.ts';
import { countUp, isInCommit, isSettled, makeUploadFile, type ChosenFile, type UploadFile } from './queue.ts';
import { makeRate } from './rate.ts';
import { checkObject, sendObject, withRetries } from './send-object.ts';

const SAMPLE_BYTES = 512;
const PREUPLOAD_FILES = 100;
const LFS_OBJECTS = 50;
const CONNECTIONS = 4;
const HASHERS = 2;
const TICK_MS = 500;

/**
 * `held`: everything that could be sent is sent, and failed files wait for a decision. `refused`: the commit itself
 * failed and can be tried again; no byte has to be sent twice.
 */
export type Stage = 'choosing' | 'running' | 'paused' | 'held' | 'committing' | 'refused' | 'done';

export interface UploadTarget {
  readonly repo: RepoRef;
  readonly revision: string;
  /** Folder in the repo that the files go into; empty for the root. */
  readonly folder: string;
}

export interface CommitPlan extends CommitText {
  /** Commit to a new branch of this name in place of the revision; empty for the revision itself. */
  readonly newBranch: string;
}

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

/**
 * One upload from this page, by the routes every client uses: ask what each file needs, hash what is large, send it,
 * let the hub prove it, then make one commit. Nothing is in the repo before that commit.
 */
export function useUpload(target: () => UploadTarget, plan: () => CommitPlan) {
  const client = useQueryClient();
  const files = shallowRef<readonly UploadFile[]>([]);
  const stage = ref<Stage>('choosing');
  const commitError = shallowRef<Error>();
  const committed = shallowRef<CommitDoneReply>();
  /** Bytes of the commit's own body that have left: the small files travel inside it. */
  const commitBytes = ref({ sent: 0, total: 0 });
  const speed = ref<number>();

  const rate = makeRate(() => performance.now());
  const limit = makeLimiter(CONNECTIONS);
  const hashLimit = makeLimiter(HASHERS);
  let hashers: readonly Hasher[] = [];
  /** Ends with the upload itself; `sending` ends at every pause. */
  let whole = new AbortController();
  let sending = new AbortController();
  let reading: Promise<void> | undefined;
  /** Tells the sending loop that something has changed. */
  let wake = (): void => undefined;
  let branchMade = '';

  const totals = computed(() => countUp(files.value));
  const ticker = setInterval(() => {
    if (stage.value !== 'running') return;
    rate.mark(totals.value.sentBytes);
    speed.value = rate.perSecond();
  }, TICK_MS);

  function add(chosen: readonly ChosenFile[]): void {
    const { folder } = target();
    const added = chosen.map(({ path, file }) =>
      makeUploadFile({ path: folder === '' ? path : `${folder}/${path}`, file }),
    );
    const paths = new Set(added.map(({ path }) => path));
    // Choosing a path again means the newer file.
    files.value = [...files.value.filter(({ path }) => !paths.has(path)), ...added];
  }
  function drop(file: UploadFile): void {
    files.value = files.value.filter((other) => other !== file);
    if (stage.value === 'held') void restart();
  }

  function fail(file: UploadFile, step: 'reading' | 'sending', error: unknown): void {
    file.state = 'failed';
    file.failedAt = step;
    file.problem =
      step === 'reading' && !(error instanceof ApiError)
        ? m.upload.unreadable
        : explainShortly(error instanceof Error ? error : new Error(String(error)));
  }

  async function sampleOf(file: UploadFile, signal: AbortSignal): Promise<string | undefined> {
    try {
      file.state = 'reading';
      return await toBase64(file.file.slice(0, SAMPLE_BYTES));
    } catch (error) {
      if (!signal.aborted) fail(file, 'reading', error);
      return undefined;
    }
  }

  /** Asks the hub how each file travels and what is at its path now. */
  async function askModes(
    batch: readonly UploadFile[],
    signal: AbortSignal,
  ): Promise<readonly (readonly [UploadFile, string])[]> {
    const { repo, revision } = target();
    const asked: { readonly file: UploadFile; readonly sample: string }[] = [];
    for (const file of batch) {
      const sample = await sampleOf(file, signal);
      if (sample !== undefined) asked.push({ file, sample });
    }
    if (asked.length === 0) return [];
    const replies = await withRetries(signal, () =>
      api.preupload(
        repo,
        revision,
        asked.map(({ file, sample }) => ({ path: file.path, size: file.file.size, sample })),
        signal,
      ),
    );
    const byPath = new Map(replies.map((reply) => [reply.path, reply]));
    return asked.flatMap(({ file }): (readonly [UploadFile, string])[] => {
      const reply = byPath.get(file.path);
      // The commit route takes no empty large file: the client's own rule.
      file.mode = file.file.size === 0 ? 'regular' : (reply?.uploadMode ?? 'regular');
      file.replaces = Boolean(reply?.oid);
      if (reply?.shouldIgnore) {
        file.state = 'ignored';
        return [];
      }
      return [[file, reply?.oid ?? '']];
    });
  }

  async function readOne(file: UploadFile, oidNow: string, signal: AbortSignal): Promise<void> {
    await hashLimit(async () => {
      if (signal.aborted) return;
      file.done = 0;
      const hasher = hashers[file.id % HASHERS]!;
      const onRead = (bytes: number): void => {
        file.done = bytes;
      };
      try {
        if (file.mode === 'lfs') {
          file.sha256 = await hasher.hash(file.file, 'sha256', onRead);
          file.state = file.sha256 === oidNow ? 'same' : 'read';
        } else {
          const same = oidNow !== '' && (await hasher.hash(file.file, 'git-blob', onRead)) === oidNow;
          // Small files travel inside the commit; they are ready as soon as they are read.
          file.state = same ? 'same' : 'sent';
        }
      } catch (error) {
        if (!signal.aborted) fail(file, 'reading', error);
      }
    });
  }

  /** Reads until no file waits. Goes on while sending is paused, except that the hashers stand still then. */
  async function readAll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const batch = files.value.filter(({ state }) => state === 'waiting').slice(0, PREUPLOAD_FILES);
      if (batch.length === 0) return;
      try {
        const asked = await askModes(batch, signal);
        await Promise.all(asked.map(([file, oid]) => readOne(file, oid, signal)));
      } catch (error) {
        if (signal.aborted) return;
        for (const file of batch) if (file.state === 'reading') fail(file, 'reading', error);
      }
      wake();
    }
  }

  async function sendBatch(batch: readonly UploadFile[], signal: AbortSignal): Promise<void> {
    const { repo } = target();
    const byOid = Map.groupBy(batch, ({ sha256 }) => sha256);
    let objects: Awaited<ReturnType<typeof api.startLfsUpload>>;
    try {
      objects = await withRetries(signal, () =>
        api.startLfsUpload(
          repo,
          [...byOid].map(([oid, [first]]) => ({ oid, size: first!.file.size })),
          signal,
        ),
      );
    } catch (error) {
      if (!signal.aborted) for (const file of batch) fail(file, 'sending', error);
      return;
    }
    const answers = new Map(objects.map((object) => [object.oid, object]));
    await Promise.all(
      [...byOid].map(async ([oid, copies]) => {
        const [file, ...others] = copies;
        const object = answers.get(oid);
        if (!file) return;
        try {
          if (!object || object.error) throw new Error(object?.error?.message ?? m.upload.noAnswer);
          await sendOne(file, object, signal);
        } catch (error) {
          if (isAbort(error) || signal.aborted) return;
          // A part address that is no longer known means the hub has given the transfer up: begin it anew.
          if (error instanceof ApiError && [403, 404, 410].includes(error.status)) file.parts.clear();
          for (const copy of copies) fail(copy, 'sending', error);
          return;
        }
        for (const copy of others) {
          copy.alreadyHeld = file.alreadyHeld;
          copy.state = 'sent';
        }
      }),
    );
  }

  async function sendOne(
    file: UploadFile,
    object: Awaited<ReturnType<typeof api.startLfsUpload>>[number],
    signal: AbortSignal,
  ) {
    const upload = object.actions?.upload;
    if (!upload) {
      // What a pause cut off may have arrived after all.
      file.alreadyHeld = !file.attempted;
    } else {
      const { size } = file.file;
      file.done = 0;
      const onProgress = (bytes: number): void => {
        if (signal.aborted) return;
        file.attempted = true;
        file.done = Math.min(bytes, size);
        // Everything has left; the answer comes when the hub has proved it.
        file.state = bytes >= size ? 'checking' : 'sending';
      };
      await sendObject(file.file, upload, { signal, parts: file.parts, limit, onProgress });
      file.state = 'checking';
      await checkObject(object, { signal, parts: file.parts });
    }
    file.state = 'sent';
  }

  const isUnsent = ({ state }: UploadFile): boolean =>
    state === 'read' || state === 'sending' || state === 'checking';

  /** Sends what has been read, in batches, until reading has ended and nothing is left. */
  async function sendAll(signal: AbortSignal): Promise<void> {
    const inFlight = new Set<UploadFile>();
    while (!signal.aborted) {
      const ready = files.value.filter((file) => isUnsent(file) && !inFlight.has(file)).slice(0, LFS_OBJECTS);
      if (ready.length > 0) {
        for (const file of ready) inFlight.add(file);
        void sendBatch(ready, signal).finally(() => {
          for (const file of ready) inFlight.delete(file);
          wake();
        });
      } else if (reading === undefined && inFlight.size === 0) {
        return;
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  }

  /** Begins or goes on. Ends in the commit, or in `held` when some files failed. */
  async function proceed(): Promise<void> {
    stage.value = 'running';
    if (hashers.length === 0) hashers = Array.from({ length: HASHERS }, makeHasher);
    for (const hasher of hashers) hasher.resume();
    reading ??= readAll(whole.signal).finally(() => {
      reading = undefined;
      wake();
    });
    sending = new AbortController();
    const { signal } = sending;
    await sendAll(signal);
    if (signal.aborted) return;
    if (files.value.some(({ state }) => state === 'failed')) stage.value = 'held';
    else if (files.value.every(isSettled)) await commit();
  }

  async function commit(): Promise<void> {
    const { repo, revision } = target();
    const wanted = plan();
    commitError.value = undefined;
    if (!files.value.some(isInCommit)) {
      stage.value = 'done';
      return;
    }
    stage.value = 'committing';
    const { signal } = whole;
    try {
      if (wanted.newBranch !== '' && branchMade !== wanted.newBranch) {
        await api.createBranch(repo, wanted.newBranch, revision);
        branchMade = wanted.newBranch;
      }
      const body = await commitBody(wanted, files.value);
      commitBytes.value = { sent: 0, total: body.size };
      committed.value = await api.commitLines(repo, wanted.newBranch || revision, body, {
        signal,
        onProgress: (sent) => (commitBytes.value = { sent, total: body.size }),
      });
      stage.value = 'done';
      if (document.hidden) {
        platform.notify?.(
          m.upload.titles.done,
          m.upload.done(totals.value.checked, wanted.newBranch || revision),
        );
      }
      void client.invalidateQueries({ queryKey: keys.repo(repo) });
      void client.invalidateQueries({ queryKey: keys.overview });
    } catch (error) {
      if (isAbort(error)) return;
      commitError.value = error instanceof Error ? error : new Error(String(error));
      stage.value = 'refused';
    }
  }

  function pause(): void {
    if (stage.value !== 'running') return;
    stage.value = 'paused';
    for (const hasher of hashers) hasher.pause();
    sending.abort();
    wake();
    for (const file of files.value) if (isUnsent(file)) file.state = 'read';
    rate.reset();
    speed.value = undefined;
  }
  function retryFailed(): void {
    for (const file of files.value) {
      if (file.state === 'failed') file.state = file.failedAt === 'sending' ? 'read' : 'waiting';
    }
    if (stage.value === 'running' && reading !== undefined) wake();
    else void restart();
  }
  function leaveOutFailed(): void {
    files.value = files.value.filter(({ state }) => state !== 'failed');
    void restart();
  }
  function restart(): Promise<void> {
    sending.abort();
    wake();
    return proceed();
  }
  function stop(): void {
    whole.abort();
    sending.abort();
    wake();
    for (const hasher of hashers) hasher.close();
    hashers = [];
  }
  function cancel(): void {
    stop();
    whole = new AbortController();
    reading = undefined;
    rate.reset();
    speed.value = undefined;
    files.value = [];
    commitError.value = undefined;
    committed.value = undefined;
    branchMade = '';
    stage.value = 'choosing';
  }
  onBeforeUnmount(() => {
    clearInterval(ticker);
    stop();
  });

  const underWay = computed(() => !['choosing', 'done'].includes(stage.value));
  return {
    files,
    stage,
    totals,
    speed,
    commitError,
    commitBytes,
    committed,
    underWay,
    add,
    drop,
    start: proceed,
    pause,
    resume: proceed,
    cancel,
    retryFailed,
    leaveOutFailed,
    commit,
  };
}

export type Upload = ReturnType<typeof useUpload>;
