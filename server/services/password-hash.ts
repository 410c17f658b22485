/*
 * Password hashes as they are stored and as `apply` takes them: PHC strings
 * `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, salt and hash in Base64 without padding
 * (https://github.com/P-H-C/phc-string-format). `ln` is the logarithm of scrypt's N.
 */

export interface PasswordHash {
  readonly logN: number;
  readonly blockSize: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const PHC =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
const LARGEST_MEMORY_BYTES = 64 * 2 ** 20;
const LARGEST_PARALLELISM = 8;

/** What scrypt holds in memory: 128 * N * r bytes (RFC 7914, section 2). */
export const scryptMemoryBytes = ({ logN, blockSize }: Pick<PasswordHash, 'logN' | 'blockSize'>): number =>
  128 * 2 ** logN * blockSize;

/**
 * Read a stored or given hash. Undefined when it is of another format, or would cost more than we are ready to
 * spend on one sign-in, or too little to protect a password.
 */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [matched, ln, r, p, saltText, hashText] = PHC.exec(text) ?? [];
  if (matched === undefined || saltText === undefined || hashText === undefined) return undefined;
  const cost = { logN: Number(ln), blockSize: Number(r), parallelism: Number(p) };
  if (cost.logN < 12 || cost.blockSize < 1 || cost.parallelism < 1) return undefined;
  if (scryptMemoryBytes(cost) > LARGEST_MEMORY_BYTES || cost.parallelism > LARGEST_PARALLELISM)
    return undefined;
  const salt = decode(saltText);
  const hash = decode(hashText);
  return salt && hash ? { ...cost, salt, hash } : undefined;
}

export function writePasswordHash({ logN, blockSize, parallelism, salt, hash }: PasswordHash): string {
  return `$scrypt$ln=${logN},r=${blockSize},p=${parallelism}$${encode(salt)}$${encode(hash)}`;
}

const encode = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** Only the one way to write the bytes is accepted, so that equal hashes are equal texts. */
function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return encode(bytes) === text ? bytes : undefined;
}
