import { nextLink, readCursor, writeCursor } from '../cursors.ts';
import { json, type Reply } from '../reply.ts';
import type { HubRequest } from '../request.ts';

const DEFAULT_PAGE = 100;
const KEY = /^(\d{1,15})$/;

/** A list that is read page by page, each from the row after the last one of the page before. */
export interface PagedList<Row, Shape> {
  /** Which list this is, with what it is a list of; a cursor is good for it alone. */
  readonly name: string;
  /** Up to `limit` rows that come after the one with a key. */
  rows(after: number | undefined, limit: number): Promise<readonly Row[]>;
  keyOf(row: Row): number;
  shapeOf(row: Row): Shape;
  /** Rows of a page when the caller names no limit. */
  readonly usualLimit?: number;
}

/** Answer one page, with the link to the next. Throws InvalidCursor for a cursor of another list. */
export async function pageReply<Row, Shape>(
  request: HubRequest,
  query: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  list: PagedList<Row, Shape>,
): Promise<Reply<readonly Shape[]>> {
  const limit = query.limit ?? list.usualLimit ?? DEFAULT_PAGE;
  const after = query.cursor === undefined ? undefined : Number(readCursor(list.name, query.cursor, KEY)[0]);
  // One more than is shown tells whether there is another page.
  const rows = await list.rows(after, limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const link =
    rows.length > limit && last !== undefined
      ? nextLink(request, writeCursor(list.name, String(list.keyOf(last))))
      : undefined;
  return json(page.map(list.shapeOf), 200, link);
}
