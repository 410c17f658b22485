import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/*
 * Loaded into a hub before it starts: asked by a signal, it collects garbage and prints how much memory is still held.
 * The memory of a process alone does not tell, for garbage comes and goes with the collector.
 */

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function tellHeldMemory(): Promise<void> {
  // Closing what a collection found unreachable can free more.
  for (let round = 0; round < 2; round++) {
    collectGarbage();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ heldBytes: heapUsed + external })}\n`);
}

process.on('SIGUSR2', () => void tellHeldMemory());
