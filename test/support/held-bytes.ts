import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Bytes that this thread still holds, in objects and in buffers. The memory of a process does not tell: garbage comes
 * and goes with the collector.
 */
export function heldBytes(): number {
  // Buffers that a collection finds are freed beside it, which the next one waits for; closing them can free more.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
