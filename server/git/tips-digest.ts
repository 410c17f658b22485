import { createHash } from 'node:crypto';
import type { Oid } from '../domain/ids.ts';

/** One name for a set of objects that refs lead to: order and repetition do not matter. */
export const tipsDigest = (tips: readonly Oid[]): Buffer =>
  createHash('sha1')
    .update([...new Set(tips)].sort().join('\n'))
    .digest();
