import { expect } from 'vitest';
import type { Answer, RequestOptions, TestHub } from './hub.ts';

export const PASSWORD = 'tidevannstabell';

/** Somebody who is signed in at the page of a hub. */
export interface BrowserSession {
  readonly cookie: string;
  send(method: string, target: string, options?: RequestOptions): Promise<Answer>;
}

/** Add people who sign in with {@link PASSWORD}. */
export async function addPeople(
  hub: TestHub,
  names: readonly string[],
  organizations: readonly object[] = [],
) {
  const users = names.map((name) => ({
    name,
    fullname: `Full ${name}`,
    email: `${name}@example.org`,
    password: PASSWORD,
  }));
  await hub.command('apply', { text: JSON.stringify({ users, organizations }) });
}

export async function signIn(hub: TestHub, name: string): Promise<BrowserSession> {
  const answer = await hub.send('POST', '/api/session', { body: { name, password: PASSWORD } });
  expect(answer.status, answer.text).toBe(200);
  const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  return {
    cookie,
    send: (method, target, { headers = {}, ...options } = {}) =>
      hub.send(method, target, {
        ...options,
        headers: { cookie, 'sec-fetch-site': 'same-origin', ...headers },
      }),
  };
}
