import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

/**
 * Asks a hub and an idle process for `/healthz` every few milliseconds and keeps the longest time each took to answer, for
 * each case and hub that the parent names.
 */
const EVERY_MS = 5;

interface Target {
  readonly port: number;
  readonly pid: number;
}

const { idle } = JSON.parse(process.argv[2] ?? '') as { readonly idle: Target };

/** Milliseconds: as the client saw it, and without what the server's main thread waited for a processor. */
interface Longest {
  seen: number;
  own: number;
}

type Kind = 'hub' | 'idle';
/** By case. */
const longest: Record<string, Record<Kind, Longest>> = {};
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

/** One ping after the other on one connection, until it ends with the server or is ended here. */
function ping({ port, pid }: Target, kind: Kind): () => void {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  // The hub may have ended already when the last ping goes out.
  socket.on('error', () => socket.destroy());
  let started = 0;
  let waitedBefore = 0;
  let during = '';
  const send = (): void => {
    if (socket.destroyed) return;
    during = current;
    waitedBefore = waitedMs(pid);
    started = performance.now();
    socket.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  };
  socket.on('connect', send);
  socket.on('data', () => {
    const seen = performance.now() - started;
    const own = seen - Math.max(0, waitedMs(pid) - waitedBefore);
    const known = (longest[during] ??= { hub: { seen: 0, own: 0 }, idle: { seen: 0, own: 0 } })[kind];
    known.seen = Math.max(known.seen, seen);
    known.own = Math.max(known.own, own);
    setTimeout(send, EVERY_MS);
  });
  return () => socket.destroy();
}

let pinged: Target | undefined;
let stop: (() => void) | undefined;

process.on('message', ({ during, hub }: { readonly during?: string; readonly hub?: Target }) => {
  if (during === undefined || hub === undefined) {
    process.send?.(longest, () => process.exit());
    return;
  }
  current = during;
  if (pinged === undefined) ping(idle, 'idle');
  if (hub.pid === pinged?.pid) return;
  stop?.();
  pinged = hub;
  stop = ping(hub, 'hub');
});
