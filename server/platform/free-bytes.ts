/**
 * Free the memory of an array that nobody else uses; it is empty afterwards. Without it a stream of gigabytes makes the
 * garbage collector look at the whole heap for every 64 MB that came. What shares its buffer is left alone. Never while
 * a read or a write with it may be under way: the system would go on with memory that is somebody else's by then.
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes;
  const isAlone = buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength;
  if (isAlone && bytes.byteLength > 0) buffer.transfer(0);
}
