import { request, Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { residentBytesOf } from './memory.ts';

/*
 * Runs in a thread of its own, so that the tests' own work does not count: asks a hub again and again whether it is
 * alive, and looks at the memory of its process.
 */

export interface Measured {
  /** Milliseconds that each answer took, in order. */
  readonly latencies: readonly number[];
  /** Resident memory in bytes at each look; none where the system does not tell. */
  readonly residentBytes: readonly number[];
}

interface Subject {
  readonly url: string;
  readonly pid: number;
}

const EVERY_MS = 20;
const LOOK_EVERY = 10;

const { url, pid } = workerData as Subject;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const latencies: number[] = [];
const residentBytes: number[] = [];
let isOver = false;

const ping = (): Promise<void> =>
  new Promise((done, failed) => {
    const sent = request(new URL('/healthz', url), { agent }, (response) => {
      response.resume();
      response.on('end', done);
    });
    sent.on('error', failed);
    sent.end();
  });

function lookAtMemory(): void {
  const bytes = residentBytesOf(pid);
  if (bytes !== undefined) residentBytes.push(bytes);
}

async function measure(): Promise<void> {
  for (let round = 0; !isOver; round++) {
    if (round % LOOK_EVERY === 0) lookAtMemory();
    const begun = performance.now();
    await ping();
    latencies.push(performance.now() - begun);
    await delay(EVERY_MS);
  }
}

parentPort?.once('message', () => (isOver = true));
await measure();
agent.destroy();
parentPort?.postMessage({ latencies, residentBytes } satisfies Measured);
