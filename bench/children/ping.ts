import { connect } from 'node:net';

/**
 * Asks servers for `/healthz` every few milliseconds and keeps the longest time each took to answer, for each case
 * that the parent names. One of the servers does nothing else: what that one takes is the machine's own doing.
 */
const EVERY_MS = 5;
const { ports } = JSON.parse(process.argv[2] ?? '') as { readonly ports: readonly number[] };

/** Milliseconds by case, one number for each port. */
const longest: Record<string, number[]> = {};
let current = '';

/** One ping after the other on one connection, until it ends with the server. */
function ping(port: number, index: number): void {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  // The hub may have ended already when the last ping goes out.
  socket.on('error', () => socket.destroy());
  let started = 0;
  let during = '';
  const send = (): void => {
    started = performance.now();
    during = current;
    socket.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  };
  socket.on('connect', send);
  socket.on('data', () => {
    const all = (longest[during] ??= ports.map(() => 0));
    all[index] = Math.max(all[index] ?? 0, performance.now() - started);
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
ports.forEach(ping);
