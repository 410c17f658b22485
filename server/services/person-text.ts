import { HubError } from '../domain/errors.ts';

const LONGEST_LINE = 128;
const LONGEST_EMAIL = 254;
const EMAIL = /^[^\s@<>"\\]+@[^\s@<>"\\]+$/;
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

const invalid = (message: string): HubError => new HubError('InvalidBody', message);

/**
 * One line of text written by a person, trimmed: no control characters, and none that turn the direction of text,
 * since it is shown beside other people's. `what` starts the sentence of the error. Throws InvalidBody.
 */
export function parseLine(text: unknown, what: string, shortest = 0): string {
  if (typeof text !== 'string') throw invalid(`${what} must be text.`);
  const line = text.trim();
  if (line.length > LONGEST_LINE) throw invalid(`${what} must have at most ${LONGEST_LINE} characters.`);
  if (line.length < shortest) throw invalid(`${what} must not be empty.`);
  if (UNSAFE.test(line) || !line.isWellFormed())
    throw invalid(`${what} has characters that cannot be shown.`);
  return line;
}

/** An e-mail address, by its outer form only. Throws InvalidBody. */
export function parseEmail(text: unknown): string {
  if (typeof text !== 'string' || text.length > LONGEST_EMAIL || !EMAIL.test(text) || UNSAFE.test(text)) {
    throw invalid('The e-mail address must look like "name@example.org".');
  }
  return text;
}
