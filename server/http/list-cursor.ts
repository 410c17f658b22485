import { createHash } from 'node:crypto';
import { HubError } from '../domain/errors.ts';

/** A place in a list: the value it is sorted by and the id of the last item given. */
export interface ListPlace {
  readonly value: number;
  readonly id: number;
}

/**
 * Cursors of lists. Each says to which list it belongs, everything asked for and the caller included, so that one that
 * was altered, or comes from another list, is noticed rather than answered with a page that fits nothing.
 */
const markOf = (list: string, place: string): string =>
  createHash('sha256').update(`${place}\n${list}`).digest('base64url').slice(0, 22);

export function writeCursor(list: string, { value, id }: ListPlace): string {
  const place = `${value}.${id}`;
  return `${Buffer.from(place).toString('base64url')}.${markOf(list, place)}`;
}

/** Throws InvalidCursor for whatever `writeCursor` did not write for this list. */
export function parseCursor(list: string, text: string): ListPlace {
  const place = Buffer.from(text.split('.', 1)[0] ?? '', 'base64url').toString('latin1');
  const [, value, id] = /^(-?\d{1,16})\.(\d{1,16})$/.exec(place) ?? [];
  const found = { value: Number(value), id: Number(id) };
  if (value === undefined || writeCursor(list, found) !== text) {
    throw new HubError('InvalidCursor', 'The cursor does not belong to this list.');
  }
  return found;
}

/** Everything that a list was asked for, but for where it starts and how long it is. */
export function listIdentity(
  subject: readonly string[],
  query: ReadonlyMap<string, readonly string[]>,
): string {
  const asked = [...query]
    .filter(([name]) => name !== 'cursor' && name !== 'limit')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([subject, asked]);
}
