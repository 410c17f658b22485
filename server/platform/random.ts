import { randomBytes } from 'node:crypto';
import type { PublicId } from '../domain/ids.ts';

const PUBLIC_ID_BYTES = 12;

/** A new public id: 96 random bits as 24 hex digits, so that none repeats and none can be guessed. */
export const newPublicId = (): PublicId => randomBytes(PUBLIC_ID_BYTES).toString('hex') as PublicId;
