import type { Oid } from '../domain/ids.ts';
import { writePointer, type LfsPointer } from '../domain/lfs.ts';
import { hashObject } from './objects.ts';

/** Id of the file that stands for a large one: a pointer is written in one way only. */
export const pointerOid = ({ sha256, sizeBytes }: LfsPointer): Oid =>
  hashObject('blob', Buffer.from(writePointer({ sha256, sizeBytes })));
