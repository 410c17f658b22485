import { HubError } from './errors.ts';
import { isEdwardsPoint, isOnCurve, type CurveName } from './ssh-curves.ts';

/** A public key of SSH, as it is kept: what it signs with, and the bytes that go over the wire (RFC 4253, 6.6). */
export interface SshPublicKey {
  readonly type: SshKeyType;
  readonly blob: Uint8Array;
  /** What stood behind the key; empty where nothing did. */
  readonly comment: string;
}

export const SSH_KEY_TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
] as const;
export type SshKeyType = (typeof SSH_KEY_TYPES)[number];

/** The largest key of all, RSA with 16,384 bits, takes 2,800 characters. */
const LONGEST_LINE = 8192;
const LONGEST_COMMENT = 1024;
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 16_384;
const MOST_EXPONENT_BITS = 64;

/** One line: type, key in base64, comment. Nothing before the type: options belong to servers that run commands. */
const LINE = /^([a-z0-9@.-]{1,64})[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?$/s;
const CONTROL = /\p{Cc}/u;

const invalid = (message: string): HubError => new HubError('InvalidKey', message);

/**
 * Read a public key as `ssh-keygen` writes it into a `.pub` file. Throws InvalidKey, never with what was given: it may
 * be a private key.
 */
export function parseSshPublicKey(text: string): SshPublicKey {
  if (/-----BEGIN|PuTTY-User-Key-File/.test(text)) {
    throw invalid(
      /PUBLIC KEY/.test(text)
        ? 'This form of a public key is not taken. Paste the line of the file that ends with ".pub".'
        : 'This is a private key. Keep it to yourself, and paste the line of the file that ends with ".pub".',
    );
  }
  const line = text.trim();
  if (line === '') throw invalid('The key is empty.');
  if (line.length > LONGEST_LINE) throw invalid('The key, or the comment behind it, is too long.');
  if (/[\r\n]/.test(line)) throw invalid('Paste one key, on a single line.');
  const [, type = '', encoded = '', comment = ''] = LINE.exec(line) ?? [];
  if (comment.length > LONGEST_COMMENT)
    throw invalid(`The comment of the key must have at most ${LONGEST_COMMENT} characters.`);
  if (type === '') {
    throw invalid(
      'This is no public key. It begins with its type, such as "ssh-ed25519", and has no options before it.',
    );
  }
  if (CONTROL.test(comment) || !comment.isWellFormed())
    throw invalid('The comment of the key has characters that cannot be shown.');
  const blob = decodeBase64(encoded);
  if (!isKeyType(type)) throw invalid(whyNot(type));
  checkBlob(type, blob);
  return { type, blob, comment };
}

export const isKeyType = (type: string): type is SshKeyType =>
  (SSH_KEY_TYPES as readonly string[]).includes(type);

function whyNot(type: string): string {
  if (type === 'ssh-dss') return 'DSA keys are not safe any more. Make one with "ssh-keygen -t ed25519".';
  if (type.includes('-cert-')) return 'This is a certificate. Paste the public key itself.';
  if (type.startsWith('sk-')) return 'Keys that live in a security token (sk-) are not taken yet.';
  return `Keys of this type are not taken. Take one of ${SSH_KEY_TYPES.join(', ')}.`;
}

/** Throws InvalidKey for what is no base64 or could be written in another way as well. */
function decodeBase64(text: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw damaged();
  }
  if (btoa(String.fromCharCode(...bytes)) !== text) throw damaged();
  return bytes;
}

const damaged = (): HubError => invalid('The key is damaged: it may have been cut off.');

/** Hold the bytes of a key to the rules of its type (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4). Throws InvalidKey. */
function checkBlob(type: SshKeyType, blob: Uint8Array): void {
  const fields = createFieldReader(blob);
  if (fields.text() !== type) throw invalid('The key is not of the type that is written before it.');
  if (type === 'ssh-rsa') checkRsa(fields);
  else if (type === 'ssh-ed25519') checkEdwards(fields.bytes());
  else checkEcdsa(type.slice('ecdsa-sha2-'.length) as CurveName, fields);
  if (!fields.isAtEnd()) throw invalid('The key has bytes behind its end.');
}

function checkRsa(fields: FieldReader): void {
  const exponent = fields.integer();
  const modulus = fields.integer();
  const bits = modulus.toString(2).length;
  if (bits < LEAST_RSA_BITS) {
    throw invalid(
      `RSA keys must have at least ${LEAST_RSA_BITS} bits. Make one with "ssh-keygen -t ed25519".`,
    );
  }
  if (bits > MOST_RSA_BITS) throw invalid(`RSA keys must have at most ${MOST_RSA_BITS} bits.`);
  const isOdd = (value: bigint): boolean => (value & 1n) === 1n;
  if (!isOdd(modulus) || !isOdd(exponent) || exponent < 3n || exponent >> BigInt(MOST_EXPONENT_BITS) > 0n) {
    throw invalid('The numbers of the key are none of an RSA key.');
  }
}

function checkEdwards(point: Uint8Array): void {
  if (point.byteLength !== 32 || !isEdwardsPoint(point)) throw badPoint();
}

function checkEcdsa(curve: CurveName, fields: FieldReader): void {
  if (fields.text() !== curve) throw invalid('The key is not of the type that is written before it.');
  if (!isOnCurve(curve, fields.bytes())) throw badPoint();
}

const badPoint = (): HubError => invalid('The key is no point of its curve.');

interface FieldReader {
  bytes(): Uint8Array;
  text(): string;
  /** A positive number in its shortest form (`mpint`). */
  integer(): bigint;
  isAtEnd(): boolean;
}

/** Reads the length-prefixed fields of a key (RFC 4251, 5). Throws InvalidKey for what is cut off. */
function createFieldReader(blob: Uint8Array): FieldReader {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  let at = 0;
  const bytes = (): Uint8Array => {
    if (at + 4 > blob.byteLength) throw damaged();
    const length = view.getUint32(at);
    if (at + 4 + length > blob.byteLength) throw damaged();
    const field = blob.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return field;
  };
  return {
    bytes,
    text: () => String.fromCharCode(...bytes().subarray(0, 64)),
    integer() {
      const field = bytes();
      const [first = 0, second = 0] = field;
      if (field.byteLength === 0 || first >= 0x80 || (first === 0 && second < 0x80)) throw damaged();
      return numberOf(field);
    },
    isAtEnd: () => at === blob.byteLength,
  };
}

function numberOf(bytes: Uint8Array): bigint {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return BigInt(`0x${hex}`);
}
