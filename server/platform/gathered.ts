const GATHERED_BYTES = 64 * 1024;

/**
 * Small pieces together, so that each is not a write of its own. What is gathered is copied: a source may use its
 * buffers again. Long pieces are passed on as they are.
 */
export async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.allocUnsafe(GATHERED_BYTES);
  let length = 0;
  for await (const piece of source) {
    if (length > 0 && length + piece.byteLength > GATHERED_BYTES) {
      yield buffer.subarray(0, length);
      buffer = Buffer.allocUnsafe(GATHERED_BYTES);
      length = 0;
    }
    if (piece.byteLength >= GATHERED_BYTES) yield piece;
    else {
      buffer.set(piece, length);
      length += piece.byteLength;
    }
  }
  if (length > 0) yield buffer.subarray(0, length);
}
