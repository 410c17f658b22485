/** Whether an array has its buffer to itself, so that nothing else is lost with it. Memory that threads share is never alone. */
export const isAloneInBuffer = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;

/**
 * Free the memory of an array that nobody else uses; it is empty afterwards. Without it a stream of gigabytes makes the
 * garbage collector look at the whole heap for every 64 MB that came. What shares its buffer is left alone. Never while
 * a read or a write with it may be under way: the system would go on with memory that is somebody else's by then.
 */
export function freeBytes(bytes: Uint8Array): void {
  if (bytes.byteLength > 0 && isAloneInBuffer(bytes)) bytes.buffer.transfer(0);
}

/**
 * A source whose arrays are nobody else's, for a consumer that is done with each when it asks for the one after the next:
 * it is freed then.
 */
export async function* freeBehind(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let before: Uint8Array | undefined;
  for await (const piece of pieces) {
    yield piece;
    if (before !== undefined) freeBytes(before);
    before = piece;
  }
}
