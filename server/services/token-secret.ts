import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/*
 * Access tokens: `hf_`, 40 random characters, and 6 check characters, all of [0-9A-Za-z]. Clients insist on `hf_`;
 * the length differs from huggingface.co's, so that scanners for leaked tokens do not send ours there. The check
 * characters are the CRC-32 of everything before them, in base 62.
 */

const PREFIX = 'hf_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARS = 40;
const CHECK_CHARS = 6;
const OWN_LENGTH = PREFIX.length + RANDOM_CHARS + CHECK_CHARS;
const ANY_TOKEN = /^hf_[A-Za-z0-9]{8,200}$/;
const SHOWN_CHARS = 7;

/** A new secret, over 230 bits of it random. */
export function newTokenSecret(): string {
  const start = PREFIX + randomText(RANDOM_CHARS);
  return start + checkCharacters(start);
}

/**
 * Whether this can be a token of this hub at all; most typing errors and cut-off copies end here, without a question
 * to the database. Tokens that an administrator brought along (`apply`) may have another length and are then taken
 * without check characters. One that has the length of ours needs ours.
 */
export function couldBeToken(secret: string): boolean {
  if (!ANY_TOKEN.test(secret)) return false;
  if (secret.length !== OWN_LENGTH) return true;
  return secret.slice(-CHECK_CHARS) === checkCharacters(secret.slice(0, -CHECK_CHARS));
}

/** What is stored of a token. It is random enough for a plain hash. */
export const hashOfSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The first characters, by which a person recognizes a token in a list. */
export const shownPrefix = (secret: string): string => secret.slice(0, SHOWN_CHARS);

function checkCharacters(text: string): string {
  let rest = crc32(text);
  let characters = '';
  for (let index = 0; index < CHECK_CHARS; index += 1) {
    characters = (ALPHABET[rest % ALPHABET.length] ?? '') + characters;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return characters;
}

function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // Bytes from 248 on would make the first letters likelier than the others.
      if (byte < 248 && text.length < length) text += ALPHABET[byte % ALPHABET.length] ?? '';
    }
  }
  return text;
}
