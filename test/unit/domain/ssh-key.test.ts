import { execFileSync } from 'node:child_process';
import { createECDH, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import { parseSshPublicKey } from '../../../server/domain/ssh-key.ts';

const field = (bytes: Uint8Array | string): Buffer => {
  const content = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.byteLength);
  return Buffer.concat([length, content]);
};
const blobOf = (...fields: readonly (Uint8Array | string)[]): Buffer => Buffer.concat(fields.map(field));
const lineOf = (type: string, blob: Buffer, comment = ''): string =>
  [type, blob.toString('base64'), comment].join(' ').trimEnd();

/** A number as `mpint`. */
const integer = (hex: string): Buffer => {
  const bytes = Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex');
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
};
/** An RSA key of a size, whose modulus is just some odd number: making a real one of 16,384 bits takes minutes. */
const rsaOf = (bits: number, exponent = '010001'): string =>
  lineOf(
    'ssh-rsa',
    blobOf('ssh-rsa', integer(exponent), integer(((1n << BigInt(bits - 1)) | 1n).toString(16))),
  );
const ecdsaOf = (curve: string, point: Buffer, label = `ecdsa-sha2-${curve}`): string =>
  lineOf(label, blobOf(label, curve, point));
const ed25519Point = (): Buffer =>
  Buffer.from(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const ed25519Of = (point: Uint8Array): string => lineOf('ssh-ed25519', blobOf('ssh-ed25519', point));

const problemOf = (text: string): string => {
  try {
    parseSshPublicKey(text);
  } catch (error) {
    if (isHubError(error, 'InvalidKey')) return error.message;
    throw error;
  }
  return 'taken';
};

describe('a key made by ssh-keygen', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'atoll-keys-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['ssh-ed25519', ['-t', 'ed25519']],
    ['ecdsa-sha2-nistp256', ['-t', 'ecdsa', '-b', '256']],
    ['ecdsa-sha2-nistp384', ['-t', 'ecdsa', '-b', '384']],
    ['ecdsa-sha2-nistp521', ['-t', 'ecdsa', '-b', '521']],
    ['ssh-rsa', ['-t', 'rsa', '-b', '2048']],
  ])('%s is taken, its private half is not', (type, options) => {
    const file = join(folder, type);
    execFileSync('ssh-keygen', ['-q', ...options, '-N', '', '-C', 'ann at home', '-f', file]);
    const line = readFileSync(`${file}.pub`, 'utf8');
    const key = parseSshPublicKey(line);
    expect({ ...key, blob: Buffer.from(key.blob).toString('base64') }).toEqual({
      type,
      blob: line.split(' ')[1],
      comment: 'ann at home',
    });
    const secret = readFileSync(file, 'utf8');
    expect(problemOf(secret)).toMatch(/^This is a private key\./);
    for (const word of secret.split('\n').slice(1, -2)) expect(problemOf(secret)).not.toContain(word);
  });

  test('any of many points of the Edwards curve is taken', () => {
    for (let count = 0; count < 50; count++) expect(problemOf(ed25519Of(ed25519Point()))).toBe('taken');
  });
});

const point = ed25519Point();
const good = ed25519Of(point);
const pair = createECDH('prime256v1');
const p256 = pair.generateKeys();
const compressed = Buffer.from(pair.getPublicKey('base64', 'compressed'), 'base64');
const moved = Buffer.from(p256);
moved.writeUInt8((moved.at(-1) ?? 0) ^ 1, moved.byteLength - 1);
const P = 2n ** 255n - 19n;
const littleEndian = (value: bigint): Buffer =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();

test.each([
  ['nothing', '', /empty/],
  ['a word', 'hello', /no public key/],
  ['DSA', lineOf('ssh-dss', blobOf('ssh-dss', 'p', 'q', 'g', 'y')), /DSA keys are not safe/],
  ['RSA with 2,048 bits', rsaOf(2048), /^taken$/],
  ['RSA with 2,047 bits', rsaOf(2047), /at least 2048 bits/],
  ['RSA with 1,024 bits', rsaOf(1024), /at least 2048 bits/],
  ['RSA with 16,384 bits', rsaOf(16_384), /^taken$/],
  ['RSA with 16,385 bits', rsaOf(16_385), /at most 16384 bits/],
  ['RSA with the exponent 1', rsaOf(2048, '01'), /none of an RSA key/],
  ['RSA with an even exponent', rsaOf(2048, '010000'), /none of an RSA key/],
  [
    'RSA with a negative modulus',
    lineOf('ssh-rsa', blobOf('ssh-rsa', integer('010001'), Buffer.alloc(256, 0xff))),
    /damaged/,
  ],
  [
    'RSA with a padded modulus',
    lineOf(
      'ssh-rsa',
      blobOf('ssh-rsa', integer('010001'), Buffer.concat([Buffer.alloc(1), Buffer.alloc(256, 0x7f)])),
    ),
    /damaged/,
  ],
  ['ECDSA', ecdsaOf('nistp256', p256), /^taken$/],
  ['ECDSA with a point beside the curve', ecdsaOf('nistp256', moved), /no point of its curve/],
  ['ECDSA with the point at infinity', ecdsaOf('nistp256', Buffer.alloc(1)), /no point of its curve/],
  ['ECDSA with a compressed point', ecdsaOf('nistp256', compressed), /no point of its curve/],
  ['ECDSA of one curve as another', ecdsaOf('nistp384', p256), /no point of its curve/],
  ['ECDSA with two names of curves', ecdsaOf('nistp384', p256, 'ecdsa-sha2-nistp256'), /not of the type/],
  ['Ed25519 with a number that is too large', ed25519Of(littleEndian(P + 1n)), /no point of its curve/],
  ['Ed25519 beside the curve', ed25519Of(littleEndian(2n)), /no point of its curve/],
  ['Ed25519 of order 1', ed25519Of(littleEndian(1n)), /no point of its curve/],
  ['Ed25519 of order 4', ed25519Of(littleEndian(0n)), /no point of its curve/],
  [
    'Ed25519 of order 8',
    ed25519Of(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
    /no point of its curve/,
  ],
  ['Ed25519 of 31 bytes', ed25519Of(point.subarray(1)), /no point of its curve/],
  [
    'a certificate',
    lineOf('ssh-ed25519-cert-v01@openssh.com', blobOf('ssh-ed25519-cert-v01@openssh.com', 'n', point)),
    /certificate/,
  ],
  [
    'a key of a security token',
    lineOf('sk-ssh-ed25519@openssh.com', blobOf('sk-ssh-ed25519@openssh.com', point, 'ssh:')),
    /security token/,
  ],
  ['an unknown type', lineOf('ssh-ed448', blobOf('ssh-ed448', Buffer.alloc(57))), /are not taken/],
  ['another label than the key has', good.replace('ssh-ed25519', 'ssh-rsa'), /not of the type/],
  ['base64 that was cut off', good.slice(0, -6), /damaged/],
  ['base64 with a stray character', `${good.slice(0, -4)}!AAA`, /no public key|damaged/],
  [
    'base64 whose last bits are not zero',
    `ssh-ed25519 ${Buffer.from('abcde').toString('base64').replace('U=', 'V=')}`,
    /damaged/,
  ],
  [
    'bytes behind the end',
    lineOf('ssh-ed25519', Buffer.concat([blobOf('ssh-ed25519', point), Buffer.from('more')])),
    /bytes behind its end/,
  ],
  [
    'a length that reaches beyond the end',
    lineOf('ssh-ed25519', Buffer.from([0xff, 0xff, 0xff, 0xff, 1])),
    /damaged/,
  ],
  ['options before the type', `command="id" ${good}`, /no options before it|no public key/],
  ['options without blanks', `no-pty,command="id" ${good}`, /no public key/],
  ['two keys on two lines', `${good}\n${good}`, /single line/],
  ['two keys on two lines of Windows', `${good}\r\n${good}`, /single line/],
  ['a line end in the comment', `${good} ann\rbob`, /single line/],
  ['a line end behind the key', `${good}\r\n`, /^taken$/],
  ['a comment of 1,024 characters', `${good} ${'a'.repeat(1024)}`, /^taken$/],
  ['a comment of 1,025 characters', `${good} ${'a'.repeat(1025)}`, /comment of the key must have at most/],
  ['a comment of 1 MB', `${good} ${'a'.repeat(1 << 20)}`, /too long/],
  ['1 MB of blanks', `x${' '.repeat(1 << 20)}${good}`, /too long/],
  ['a control character in the comment', `${good} ann\u0007`, /cannot be shown/],
  ['a zero in the comment', `${good} ann\0`, /cannot be shown/],
  ['half a character in the comment', `${good} \ud800`, /cannot be shown/],
  [
    'a public key in PEM',
    '-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----',
    /This form of a public key/,
  ],
  ['a private key of PuTTY', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none', /private key/],
])('%s', (_what, text, expected) => {
  expect(problemOf(text)).toMatch(expected);
});
