import { deflateSync } from 'node:zlib';
import type { IngestedRow, IngestPlan } from './ingest-report.ts';
import type { GitObjectType } from './object-storage.ts';
import type { PackContents } from './pack-contents.ts';
import { NO_ROW, type PackRows } from './pack-rows.ts';

/** Small packs of huge contents are not made into rows. */
const MAX_CONTENT_BYTES = 16 * 1024 * 1024;

/** The objects of a pack, few and small, as they are stored in rows; undefined when they turn out not to be. */
export function hotRowsOf(
  { rows, contents }: { readonly rows: PackRows; readonly contents: PackContents },
  ownCount: number,
  packBytes: number,
  most: IngestPlan['hot'],
): readonly IngestedRow[] | undefined {
  if (ownCount > most.objects || packBytes > most.bytes) return undefined;
  let contentBytes = 0;
  for (let row = 0; row < ownCount; row += 1) contentBytes += rows.size(row);
  if (contentBytes > MAX_CONTENT_BYTES) return undefined;
  const made: IngestedRow[] = [];
  let bytes = 0;
  for (let row = 0; row < ownCount; row += 1) {
    const isDelta = rows.base(row) !== NO_ROW;
    const deflated = isDelta
      ? deflateSync(contents.get(row), { level: 1 })
      : Buffer.from(contents.deflated(row));
    bytes += deflated.length;
    if (bytes > most.bytes) return undefined;
    const type = rows.type(row) as GitObjectType;
    made.push({ oid: rows.oid(row), type, sizeBytes: rows.size(row), deflated });
  }
  return made;
}
