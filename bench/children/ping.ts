import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

/**
 * Asks servers for `/healthz` every few milliseconds and keeps the longest time each took to answer, for each case
 * that the parent names. One of the servers does nothing else: what that one takes is the machine's own doing.
 */
const EVERY_MS = 5;
const { targets } = JSON.parse(process.argv[2] ?? '') as {
  readonly targets: readonly { readonly port: number; readonly pid: number }[];
};

/** Milliseconds: as the client saw it, and without what the server's main thread waited for a processor. */
interface Longest {
  seen: number;
  own: number;
}

/** By case, one for each target. */
const longest: Record<string, Longest[]> = {};
let current = '';

/**
 * How long the main thread of a process was ready to run while others had all processors, in milliseconds since it began
 * (Linux, Documentation/scheduler/sched-stats); 0 where the system does not say.
 */
function waitedMs(pid: number): number {
  if (process.platform !== 'linux') return 0;
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
  } catch {
    // It has ended.
    return 0;
  }
}

/** One ping after the other on one connection, until it ends with the server. */
function ping({ port, pid }: { readonly port: number; readonly pid: number }, index: number): void {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  // The hub may have ended already when the last ping goes out.
  socket.on('error', () => socket.destroy());
  let started = 0;
  let waitedBefore = 0;
  let during = '';
  const send = (): void => {
    during = current;
    waitedBefore = waitedMs(pid);
    started = performance.now();
    socket.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  };
  socket.on('connect', send);
  socket.on('data', () => {
    const seen = performance.now() - started;
    const own = seen - Math.max(0, waitedMs(pid) - waitedBefore);
    const all = (longest[during] ??= targets.map(() => ({ seen: 0, own: 0 })));
    const known = all[index];
    if (known) all[index] = { seen: Math.max(known.seen, seen), own: Math.max(known.own, own) };
    setTimeout(send, EVERY_MS);
  });
}

process.on('message', ({ during }: { readonly during?: string }) => {
  if (during !== undefined) {
    current = during;
    return;
  }
  process.send?.(longest, () => process.exit());
});
targets.forEach(ping);
