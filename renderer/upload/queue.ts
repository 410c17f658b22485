import { shallowReactive } from 'vue';

/**
 * How far one file is. `same`: the branch already has exactly these bytes there. `ignored`: the repo's .gitignore
 * names it. `sent`: the hub holds the bytes (or will get them inside the commit) and the commit may be made.
 */
export type FileState =
  'waiting' | 'reading' | 'read' | 'sending' | 'checking' | 'sent' | 'same' | 'ignored' | 'failed';

/** One part of a multipart upload that the hub has. */
export interface SentPart {
  readonly etag: string;
  readonly bytes: number;
}

export interface UploadFile {
  readonly id: number;
  /** Path in the repo. */
  readonly path: string;
  readonly file: File;
  state: FileState;
  /** Bytes done of the step under way. */
  done: number;
  /** What went wrong, in words; only when failed. */
  problem: string;
  /** The step that failed, so that a retry begins there. */
  failedAt: 'reading' | 'sending';
  mode: 'lfs' | 'regular' | undefined;
  /** SHA-256 of the bytes; only of files in LFS mode, once read. */
  sha256: string;
  /** Bytes of this file have been on their way to the hub. */
  attempted: boolean;
  /** The hub already held the bytes before this upload: nothing had to be sent. */
  alreadyHeld: boolean;
  /** A file of this path is on the branch and will be replaced. */
  replaces: boolean;
  /** The parts that have arrived, by part number; they survive a pause. */
  readonly parts: Map<number, SentPart>;
}

export interface ChosenFile {
  readonly path: string;
  readonly file: File;
}

let lastId = 0;

export const makeUploadFile = ({ path, file }: ChosenFile): UploadFile =>
  shallowReactive({
    id: (lastId += 1),
    path,
    file,
    state: 'waiting' as FileState,
    done: 0,
    problem: '',
    failedAt: 'reading' as const,
    mode: undefined,
    sha256: '',
    attempted: false,
    alreadyHeld: false,
    replaces: false,
    parts: new Map<number, SentPart>(),
  });

const SETTLED: ReadonlySet<FileState> = new Set(['sent', 'same', 'ignored']);
export const isSettled = ({ state }: UploadFile): boolean => SETTLED.has(state);

/** Whether the file is part of the commit. */
export const isInCommit = ({ state }: UploadFile): boolean => state === 'sent';

export interface Totals {
  readonly files: number;
  readonly bytes: number;
  readonly read: number;
  readonly sent: number;
  readonly checked: number;
  /** Of the files that travel, those whose hash the hub has proved. */
  readonly proved: number;
  readonly failed: number;
  readonly same: number;
  readonly sameBytes: number;
  readonly replaced: number;
  /** LFS bytes that have to travel, and how many of them have. */
  readonly toSend: number;
  readonly toSendFiles: number;
  readonly sentBytes: number;
}

const READ: ReadonlySet<FileState> = new Set(['read', 'sending', 'checking', 'sent', 'same', 'ignored']);

/** Counts everything the page says about the queue in one pass. */
export function countUp(files: readonly UploadFile[]): Totals {
  const totals = {
    files: files.length,
    bytes: 0,
    read: 0,
    sent: 0,
    checked: 0,
    proved: 0,
    failed: 0,
    same: 0,
    sameBytes: 0,
    replaced: 0,
    toSend: 0,
    toSendFiles: 0,
    sentBytes: 0,
  };
  for (const file of files) {
    const size = file.file.size;
    totals.bytes += size;
    if (READ.has(file.state) || (file.state === 'failed' && file.failedAt === 'sending')) totals.read += 1;
    if (file.state === 'failed') totals.failed += 1;
    if (file.state === 'checking' || file.state === 'sent') totals.sent += 1;
    if (file.state === 'sent') totals.checked += 1;
    if (file.state === 'same' || file.alreadyHeld) {
      totals.same += 1;
      totals.sameBytes += size;
    }
    if (file.replaces && file.state !== 'same') totals.replaced += 1;
    if (file.mode === 'lfs' && file.state !== 'same' && file.state !== 'ignored' && !file.alreadyHeld) {
      totals.toSend += size;
      totals.toSendFiles += 1;
      if (file.state === 'sent') totals.proved += 1;
      if (file.state === 'checking' || file.state === 'sent') totals.sentBytes += size;
      else if (file.state === 'sending') totals.sentBytes += file.done;
      else for (const { bytes } of file.parts.values()) totals.sentBytes += bytes;
    }
  }
  return totals;
}
