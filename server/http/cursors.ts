import { createHash } from 'node:crypto';
import { HubError } from '../domain/errors.ts';

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

/** The place that a cursor of this listing names. Throws InvalidCursor. */
export function readCursor(listing: string, cursor: string): string {
  const [text = '', mark, ...others] = cursor.split('.');
  const place = Buffer.from(text, 'base64url').toString();
  if (others.length > 0 || mark !== markOf(listing, place)) {
    throw new HubError('InvalidCursor', 'The cursor does not belong to this list.');
  }
  return place;
}
