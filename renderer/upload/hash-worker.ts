import { createSHA1, createSHA256 } from 'hash-wasm';
import type { HashAnswer, HashRequest } from './hash-messages.ts';

/** Hashing in WebAssembly, since the browser's own is missing on plain-http addresses and cannot stream anywhere. */
const SLICE_BYTES = 4 * 1024 * 1024;

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<HashRequest>) => void) | null;
  postMessage: (answer: HashAnswer) => void;
};

let resume: (() => void) | undefined;
let gate: Promise<void> = Promise.resolve();

async function hash(
  file: Blob,
  algorithm: 'sha256' | 'git-blob',
  onRead: (bytes: number) => void,
): Promise<string> {
  const hasher = await (algorithm === 'sha256' ? createSHA256() : createSHA1());
  hasher.init();
  // Git names a blob by the hash of its type, its size and its bytes.
  if (algorithm === 'git-blob') hasher.update(new TextEncoder().encode(`blob ${file.size}\0`));
  for (let start = 0; start < file.size; start += SLICE_BYTES) {
    await gate;
    hasher.update(new Uint8Array(await file.slice(start, start + SLICE_BYTES).arrayBuffer()));
    onRead(Math.min(file.size, start + SLICE_BYTES));
  }
  return hasher.digest('hex');
}

scope.onmessage = ({ data }) => {
  if (data.type === 'pause') {
    resume?.();
    gate = new Promise((open) => (resume = open));
    return;
  }
  if (data.type === 'resume') {
    resume?.();
    return;
  }
  const { id } = data;
  hash(data.file, data.algorithm, (bytes) => scope.postMessage({ id, type: 'read', bytes })).then(
    (digest) => scope.postMessage({ id, type: 'done', digest }),
    (error: unknown) =>
      scope.postMessage({ id, type: 'failed', message: error instanceof Error ? error.message : '' }),
  );
};
