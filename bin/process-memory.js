/** How a process that runs a hub deals with memory. V8 and the C library read this once, when it begins. */
import os from 'node:os';

/**
 * Threads that help to collect garbage. A pause ends when all that take part are done: where there are more of them than
 * processors, and others are busy there, the main thread waits for one that waits for its turn.
 */
const helpers = Math.max(1, Math.min(4, (os.availableParallelism?.() ?? os.cpus().length) - 1));

/**
 * Little of what a hub makes lives long: V8 would let garbage grow to 100 MB before it looks, and keep that room, and the
 * buffers that hang on it are many times as large.
 */
export const memoryFlags = ['--max-semi-space-size=8', `--v8-pool-size=${helpers}`];

/**
 * For the GNU C library. After one large buffer was given back it would take room for others of that size from where the
 * small ones are, and from there it never returns to the system.
 */
export const memoryVariables = {
  MALLOC_MMAP_THRESHOLD_: '262144',
  MALLOC_TRIM_THRESHOLD_: '1048576',
  MALLOC_ARENA_MAX: '2',
};

/**
 * Begins this program anew with its memory set, in the same process: its id, streams and signals stay. Does nothing where
 * it is set already, or where that cannot be done (Windows, an older Node, a channel to a parent): such a hub takes more.
 */
export function setProcessMemory() {
  const { argv, channel, env, execArgv, execPath, execve, platform } = process;
  const isSet = execArgv.some((flag) => flag.startsWith('--max-semi-space-size'));
  if (isSet || execve === undefined || platform === 'win32' || channel) return;
  execve(execPath, [execPath, ...memoryFlags, ...execArgv, ...argv.slice(1)], { ...memoryVariables, ...env });
}
