import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { HubError } from '../domain/errors.ts';
import { COMMON_PASSWORDS } from './common-passwords.ts';
import { parsePasswordHash, scryptMemoryBytes, writePasswordHash } from './password-hash.ts';
import type { PasswordHash } from './password-hash.ts';

const SHORTEST = 8;
const LONGEST = 256;

/** The cost of new hashes: 32 MiB and about a fifth of a second (OWASP's equivalent of N=2^17, r=8, p=1). */
const COST = { logN: 15, blockSize: 8, parallelism: 3 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Two at once leave half of libuv's four threads to files; more would make every download wait. */
const AT_ONCE = 2;
const LONGEST_QUEUE = 16;

const invalid = (message: string): HubError => new HubError('InvalidBody', message);

/**
 * A password as it is hashed: Unicode NFKC, so that it is the same from every keyboard. 8 to 256 characters.
 * Throws InvalidBody with a sentence for the person.
 */
export function parsePassword(text: unknown): string {
  const password = normalizePassword(text);
  if (password === undefined) {
    throw invalid(
      `The password must be text of ${SHORTEST} to ${LONGEST} characters, without zero characters.`,
    );
  }
  if (COMMON_PASSWORDS.has(password.toLowerCase())) {
    throw invalid('This password is one of the first that anyone would guess. Choose another.');
  }
  return password;
}

function normalizePassword(text: unknown): string | undefined {
  // The first bound keeps normalization cheap; NFKC can make a text longer or shorter.
  if (typeof text !== 'string' || text.length > LONGEST * 4 || text.includes('\0') || !text.isWellFormed()) {
    return undefined;
  }
  const password = text.normalize('NFKC');
  const length = [...password].length;
  return length >= SHORTEST && length <= LONGEST ? password : undefined;
}

export interface Passwords {
  /** Hash a new password. Throws InvalidBody for one that `parsePassword` refuses, TooManyRequests when busy. */
  hash(password: string): Promise<string>;
  /**
   * Whether this is the password of that hash. Takes the same time when there is no hash, so that nobody can tell
   * which names exist. Throws TooManyRequests when busy.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** Passwords by scrypt, off the event loop, a few at a time, with a bounded queue. */
export function createPasswords(): Passwords {
  const inTurn = createQueue(AT_ONCE, LONGEST_QUEUE);

  return {
    async hash(text) {
      const password = parsePassword(text);
      const salt = randomBytes(SALT_BYTES);
      const hash = await inTurn(() => derive(password, { ...COST, salt }, HASH_BYTES));
      return writePasswordHash({ ...COST, salt, hash });
    },

    async verify(text, stored) {
      const known = stored === undefined ? undefined : parsePasswordHash(stored);
      const password = normalizePassword(text);
      // No password of such a form was ever accepted, whoever asks and whatever is stored.
      if (password === undefined) return false;
      const expected = known ?? DECOY;
      const actual = await inTurn(() => derive(password, expected, expected.hash.length));
      return timingSafeEqual(actual, expected.hash) && known !== undefined;
    },
  };
}

/** Checked in place of the hash of a user who does not exist, or has no password. */
const DECOY: PasswordHash = { ...COST, salt: Buffer.alloc(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) };

function derive(password: string, cost: Omit<PasswordHash, 'hash'>, lengthBytes: number): Promise<Buffer> {
  const { logN, blockSize, parallelism, salt } = cost;
  // Node refuses more than 32 MiB by default, counting a little beside the table itself.
  const maxmem = scryptMemoryBytes(cost) + 128 * blockSize * parallelism + 2 ** 20;
  const options = { N: 2 ** logN, r: blockSize, p: parallelism, maxmem };
  return new Promise((done, failed) => {
    scrypt(password, salt, lengthBytes, options, (error, key) => (error ? failed(error) : done(key)));
  });
}

/** At most `atOnce` pieces of work at a time; beyond `longest` waiting ones, TooManyRequests. */
function createQueue(
  atOnce: number,
  longest: number,
): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let running = 0;

  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= longest) {
        throw new HubError(
          'TooManyRequests',
          'Too many people sign in right now. Try again in a few seconds.',
          {
            details: { retryAfterSeconds: 5 },
          },
        );
      }
      // Whoever ends hands its place over, so `running` stays as it is.
      await new Promise<void>((enter) => waiting.push(enter));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
