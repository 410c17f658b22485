import { utilityProcess } from 'electron';
import type { HubChild } from './hub-process.ts';

/**
 * Starts the hub's bundle as a utility process. `output` gets everything it prints, beside the listener of
 * the child.
 */
export function forkHub({
  entry,
  flags,
  env,
  output,
}: {
  readonly entry: string;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly output: (text: string) => void;
}): HubChild {
  const child = utilityProcess.fork(entry, [...flags], { env, stdio: 'pipe', serviceName: 'Atoll hub' });
  const outputListeners: ((text: string) => void)[] = [output];
  const print = (text: string): void => outputListeners.forEach((listener) => listener(text));
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', print);
  }
  // Without a listener the event would be thrown in the main process. The exit that follows is handled.
  child.on('error', (type, location) => print(`${type} at ${location}\n`));
  return {
    postMessage: (message) => child.postMessage(message),
    onMessage: (listener) => void child.on('message', listener),
    onOutput: (listener) => void outputListeners.push(listener),
    onExit: (listener) => void child.once('exit', listener),
    kill() {
      // `child.kill()` sends SIGTERM, which a hub that hangs never sees.
      if (child.pid === undefined) child.kill();
      else endProcess(child.pid);
    },
  };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has just ended by itself, and its exit is about to be reported.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
