import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  sign,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock } from '../platform/clock.ts';
import { readOrMakeSecretFile } from '../platform/secret-file.ts';

const LIFETIME_SECONDS = 3600;
const MODULUS_BITS = 2048;

/** A public key as JWKS has it (RFC 7517). */
export interface PublicJwk {
  readonly kty: string;
  readonly n: string;
  readonly e: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'RS256';
}

export interface IdTokens {
  /** Sign what is claimed about a person, for an hour, by RS256. `issuer` is the origin that the client knows. */
  sign(issuer: string, audience: string, claims: Readonly<Record<string, unknown>>): Promise<string>;
  publicKeys(): Promise<readonly PublicJwk[]>;
}

/** Signed statements about who somebody is (OpenID Connect Core, 2). The key is made when it is first needed. */
export function createIdTokens(parts: {
  readonly keyFile: string;
  readonly clock: Pick<Clock, 'now'>;
}): IdTokens {
  const { keyFile, clock } = parts;
  let loading: Promise<{ readonly key: KeyObject; readonly jwk: PublicJwk }> | undefined;

  const load = () =>
    (loading ??= loadKey(keyFile).catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));

  return {
    async sign(issuer, audience, claims) {
      const { key, jwk } = await load();
      const now = Math.floor(clock.now() / 1000);
      const header = { alg: jwk.alg, typ: 'JWT', kid: jwk.kid };
      const payload = { iss: issuer, aud: audience, iat: now, exp: now + LIFETIME_SECONDS, ...claims };
      const text = [header, payload]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const signature = await promisify(sign)('sha256', Buffer.from(text), key);
      return `${text}.${signature.toString('base64url')}`;
    },
    publicKeys: async () => [(await load()).jwk],
  };
}

async function loadKey(file: string): Promise<{ readonly key: KeyObject; readonly jwk: PublicJwk }> {
  const pem = await readOrMakeSecretFile(file, async () => {
    const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: MODULUS_BITS });
    return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  });
  const key = createPrivateKey(pem);
  const { n = '', e = '' } = createPublicKey(key).export({ format: 'jwk' });
  const kid = createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url');
  return { key, jwk: { kty: 'RSA', n, e, kid, use: 'sig', alg: 'RS256' } };
}
