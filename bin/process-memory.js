/** How a process that runs a hub deals with memory. V8 and the C library read this once, when it begins. */

/** Little of what a hub makes lives long: V8 would let garbage grow to 100 MB before it looks, and keep that room. */
export const memoryFlags = ['--max-semi-space-size=16'];

/**
 * For the GNU C library. After one large buffer was given back it would take room for others of that size from where the
 * small ones are, and from there it never returns to the system.
 */
export const memoryVariables = {
  MALLOC_MMAP_THRESHOLD_: '262144',
  MALLOC_TRIM_THRESHOLD_: '1048576',
  MALLOC_ARENA_MAX: '4',
};

/**
 * Begins this program anew with its memory set, in the same process: its id, streams and signals stay. Does nothing where
 * it is set already, or where that cannot be done (Windows, an older Node, a channel to a parent): such a hub takes more.
 */
export function setProcessMemory() {
  const { argv, channel, env, execArgv, execPath, execve, platform } = process;
  const isSet = execArgv.some((flag) => flag.startsWith('--max-semi-space-size'));
  if (isSet || execve === undefined || platform === 'win32' || channel) return;
  execve(execPath, [execPath, ...execArgv, ...memoryFlags, ...argv.slice(1)], { ...memoryVariables, ...env });
}
