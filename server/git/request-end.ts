import type { PacketReader } from './pkt-line.ts';

/** What may stand behind a request is of no consequence; more than this is not even looked at. */
const MOST_BYTES = 64 * 1024;

/**
 * Read what is left of a request that stands for itself before it is answered: only at the end of a body is it known
 * that it came whole, and then a refusal can still have a status of its own. Throws what the source throws.
 */
export async function readToEnd(reader: PacketReader): Promise<void> {
  let sizeBytes = 0;
  for await (const { byteLength } of reader.rest()) {
    sizeBytes += byteLength;
    if (sizeBytes > MOST_BYTES) return;
  }
}
