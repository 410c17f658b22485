import { randomFillSync } from 'node:crypto';
import type { PublicId } from '../domain/ids.ts';

const PUBLIC_ID_BYTES = 12;
const POOL = Buffer.allocUnsafeSlow(PUBLIC_ID_BYTES * 256);
let drawn = POOL.length;

/** A new public id: 96 random bits as 24 hex digits, so that none repeats and none can be guessed. */
export function newPublicId(): PublicId {
  // Drawn in bulk: one call costs as much for 256 ids as for one, and every request has an id.
  if (drawn === POOL.length) {
    randomFillSync(POOL);
    drawn = 0;
  }
  drawn += PUBLIC_ID_BYTES;
  return POOL.toString('hex', drawn - PUBLIC_ID_BYTES, drawn) as PublicId;
}
