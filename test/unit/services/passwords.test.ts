import { scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parsePasswordHash } from '../../../server/services/password-hash.ts';
import { createPasswords, parsePassword } from '../../../server/services/passwords.ts';

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** A hash as another program writes it, and cheap. */
function cheapHash(password: string, logN = 12): string {
  const salt = Buffer.from('0123456789abcdef');
  const hash = scryptSync(password, salt, 32, { N: 2 ** logN, r: 8, p: 1 });
  return `$scrypt$ln=${logN},r=8,p=1$${base64(salt)}$${base64(hash)}`;
}

describe('passwords', () => {
  it('are hashed as PHC strings, with a new salt each time, and recognized again', async () => {
    const passwords = createPasswords();
    const [one, two] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
    expect(one).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(await passwords.verify('correct horse', one)).toBe(true);
    expect(await passwords.verify('correct hors', one)).toBe(false);
  });

  it('are recognized by hashes that other programs made', async () => {
    const passwords = createPasswords();
    expect(await passwords.verify('battery staple', cheapHash('battery staple'))).toBe(true);
    expect(await passwords.verify('battery stapl', cheapHash('battery staple'))).toBe(false);
  });

  it('are the same in every Unicode form, and differ behind the 72nd byte', async () => {
    const passwords = createPasswords();
    expect(await passwords.verify('cafe\u0301 ole\u0301', cheapHash('caf\u00e9 ol\u00e9'))).toBe(true);
    const long = 'x'.repeat(72);
    expect(await passwords.verify(`${long}a`, cheapHash(`${long}b`))).toBe(false);
  });

  it('take as long for nobody as for somebody, and never match there', async () => {
    const passwords = createPasswords();
    const started = performance.now();
    expect(await passwords.verify('whatever it is', undefined)).toBe(false);
    expect(await passwords.verify('whatever it is', 'not a hash')).toBe(false);
    expect(performance.now() - started).toBeGreaterThan(20);
  });

  it.each([
    ['short', '1234567'],
    ['longer than 256 characters', 'x'.repeat(257)],
    ['a megabyte', 'x'.repeat(2 ** 20)],
    ['with a zero character', 'pass\0word and more'],
    ['half a character', 'password \ud800'],
    ['a number', 12345678],
    ['a list', ['password']],
    ['what everyone tries', 'Password123'],
  ])('are refused when %s', (_, password) => {
    expect(() => parsePassword(password)).toThrow(expect.objectContaining({ code: 'InvalidBody' }) as Error);
  });

  it('may have 8 to 256 characters of any script', () => {
    expect(parsePassword('日本語のパスワード')).toBe('日本語のパスワード');
    expect(parsePassword('🐚'.repeat(256))).toHaveLength(512);
  });

  it('are refused with TooManyRequests when too many wait', async () => {
    const passwords = createPasswords();
    const hash = cheapHash('battery staple');
    const answers = await Promise.allSettled(
      Array.from({ length: 25 }, () => passwords.verify('battery staple', hash)),
    );
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused).toHaveLength(25 - 2 - 16);
    expect(refused[0]?.reason).toMatchObject({ code: 'TooManyRequests' });
    expect(await passwords.verify('battery staple', hash)).toBe(true);
  });
});

describe('reading a password hash', () => {
  const salt = base64(Buffer.alloc(16, 1));
  const hash = base64(Buffer.alloc(32, 2));

  it('takes what the hub writes', () => {
    expect(parsePasswordHash(`$scrypt$ln=15,r=8,p=3$${salt}$${hash}`)).toMatchObject({
      logN: 15,
      blockSize: 8,
      parallelism: 3,
    });
  });

  it.each([
    `$scrypt$ln=20,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=15,r=32,p=1$${salt}$${hash}`,
    `$scrypt$ln=15,r=8,p=99$${salt}$${hash}`,
    `$scrypt$ln=2,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=15,r=0,p=1$${salt}$${hash}`,
    `$scrypt$ln=15,r=8,p=3$${salt}=$${hash}`,
    `$scrypt$ln=15,r=8,p=3$${salt}$${hash.slice(0, -1)}Z`,
    `$scrypt$ln=15,r=8,p=3$$${hash}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${hash}`,
    '$scrypt$',
    '',
  ])('refuses %s', (text) => {
    expect(parsePasswordHash(text)).toBeUndefined();
  });
});
