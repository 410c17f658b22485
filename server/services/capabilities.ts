import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { HubError } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';

/**
 * Signed, narrow, short-lived permissions that travel in a URL. Hugging Face clients send no credentials when
 * they PUT a large object or complete one (reliability 0.2, finding 2), so the URL itself must say what it allows.
 */
export interface Capabilities {
  /** Sign facts for a purpose, valid for `ttlSeconds`. The result is URL-safe text. */
  sign(purpose: string, facts: Readonly<Record<string, string | number>>, ttlSeconds: number): string;
  /** The facts of a capability for this purpose. Throws Forbidden when altered, Gone when out of date. */
  verify(purpose: string, text: string): Readonly<Record<string, string | number>>;
}

export function createCapabilities(parts: { readonly key: Buffer; readonly clock: Clock }): Capabilities {
  // Made once: from a buffer, a key object would be made for each link.
  const key = createSecretKey(parts.key);
  const mac = (purpose: string, payload: string): Buffer =>
    createHmac('sha256', key).update(`${purpose}\n${payload}`).digest();

  return {
    sign(purpose, facts, ttlSeconds) {
      const expires = Math.floor(parts.clock.now() / 1000) + ttlSeconds;
      const payload = Buffer.from(JSON.stringify({ ...facts, expires })).toString('base64url');
      return `${payload}.${mac(purpose, payload).toString('base64url')}`;
    },

    verify(purpose, text) {
      const [payload = '', signature = '', ...rest] = text.split('.');
      // Compared as text: several texts decode to the same bytes.
      const given = Buffer.from(signature);
      const expected = Buffer.from(mac(purpose, payload).toString('base64url'));
      const isGenuine = given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
      if (rest.length > 0 || !isGenuine)
        throw new HubError('Forbidden', 'This link is not valid. Ask for a new one.');
      const facts = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<
        string,
        string | number
      >;
      if (Number(facts['expires']) * 1000 < parts.clock.now()) {
        throw new HubError('Gone', 'This link is out of date. Ask for a new one.');
      }
      return facts;
    },
  };
}
