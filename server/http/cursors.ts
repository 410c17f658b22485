import { createHash } from 'node:crypto';
import { HubError } from '../domain/errors.ts';
import type { HubRequest } from './request.ts';

/*
 * A cursor says where a listing stopped, and of which listing: one that was altered, or comes from another question, is
 * refused rather than answered with something that fits neither. It gives no permission: whoever may ask the question
 * may ask it from any place.
 */

const MARK_CHARACTERS = 11;

const markOf = (listing: string, place: string): string =>
  createHash('sha256').update(`${listing}\0${place}`).digest('base64url').slice(0, MARK_CHARACTERS);

/** `listing` names the question: everything that must be the same on the next page. */
export const writeCursor = (listing: string, place: string): string =>
  `${Buffer.from(place).toString('base64url')}.${markOf(listing, place)}`;

/**
 * The place that a cursor of this listing names, as the groups of `form`, which says what such places look like: anybody
 * can make a mark. Throws InvalidCursor.
 */
export function readCursor(listing: string, cursor: string, form: RegExp): readonly string[] {
  const place = Buffer.from(cursor.split('.', 1)[0] ?? '', 'base64url').toString();
  const groups = form.exec(place)?.slice(1);
  if (!groups || writeCursor(listing, place) !== cursor) {
    throw new HubError('InvalidCursor', 'The cursor does not belong to this list.');
  }
  return groups.map((group: string | undefined) => group ?? '');
}

/** `Link` to the next page with the query of this one (contract 0.1). */
export function nextLink(request: HubRequest, cursor: string, name = 'cursor'): Record<string, string> {
  const query = new URLSearchParams();
  for (const [key, values] of request.query)
    if (key !== name) for (const value of values) query.append(key, value);
  query.set(name, cursor);
  return { link: `<${request.origin}${request.path}?${query.toString()}>; rel="next"` };
}
