import { createHash } from 'node:crypto';
import { HubError } from '../domain/errors.ts';
import type { Sha256 } from '../domain/ids.ts';
import type { ByteSource } from '../objects/object-store.ts';

/**
 * Pass bytes on while hashing them, and fail at the end unless they are exactly what they were said to be. A
 * store's put is all or nothing, so bytes that fail here are never seen. Throws LfsMismatch.
 */
export async function* provedBytes(
  source: ByteSource,
  claim: { readonly sha256: Sha256; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > claim.sizeBytes) {
      throw new HubError(
        'LfsMismatch',
        `More bytes arrived than the ${claim.sizeBytes} that were announced.`,
      );
    }
    hash.update(chunk);
    yield chunk;
  }
  if (sizeBytes !== claim.sizeBytes) {
    throw new HubError('LfsMismatch', `Only ${sizeBytes} of ${claim.sizeBytes} bytes arrived.`);
  }
  if (hash.digest('hex') !== claim.sha256) {
    throw new HubError('LfsMismatch', 'The bytes do not have the SHA-256 they were announced with.');
  }
}

/** Read a source to its end for the sake of what it proves. */
export async function drain(source: ByteSource): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
}
