import { isAloneInBuffer } from '../platform/free-bytes.ts';

/**
 * The same bytes in a buffer that may be handed over to a thread: a view that is alone in its buffer as it is, any
 * other one copied. Only for bytes that the caller owns: after the hand-over its array is empty.
 */
export const ownBuffer = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  isAloneInBuffer(bytes) ? bytes : new Uint8Array(bytes);
