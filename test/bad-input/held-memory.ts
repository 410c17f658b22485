import { setImmediate as turn } from 'node:timers/promises';
import { heldBytes } from '../support/held-bytes.ts';

/* Loaded into a hub before it starts: asked by a signal, it collects garbage and prints how much memory is still held. */

async function tellHeldMemory(): Promise<void> {
  heldBytes();
  // Closing what a collection found unreachable can free more.
  await turn();
  process.stderr.write(`${JSON.stringify({ heldBytes: heldBytes() })}\n`);
}

process.on('SIGUSR2', () => void tellHeldMemory());
