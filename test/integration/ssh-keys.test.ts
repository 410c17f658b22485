import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeployKeyReply, SshKeyReply } from '../../server/contract/ssh-keys.ts';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import { createRepo, startPeopledHub, tokenOf, type Person } from '../support/scenario.ts';
import { makeSshKey, type SshKeyPair } from '../support/ssh.ts';

let hub: TestHub;
let folder = '';
let count = 0;
const newKey = (): SshKeyPair => makeSshKey(folder, `key${++count}`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-ssh-keys-'));
  hub = await startPeopledHub();
  await createRepo(hub, 'owner/repo');
  await createRepo(hub, 'lab/repo', { person: 'lab-admin', isPrivate: true });
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const call = (person: Person, method: string, path: string, body?: object): Promise<Answer> =>
  hub.send(method, path, { token: tokenOf(person), ...(body ? { body } : {}) });
const KEYS = '/api/user/keys';
const DEPLOY = '/api/models/owner/repo/keys';

describe('keys of a person', () => {
  test('a key is added, listed, read by its id and deleted', async () => {
    const { publicLine } = newKey();
    const added = await call('owner', 'POST', KEYS, { title: ' Laptop ', key: publicLine });
    expect(added.status, added.text).toBe(201);
    const key = added.json<SshKeyReply>();
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/) as string,
      title: 'Laptop',
      key_type: 'ssh-ed25519',
      fingerprint: expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/) as string,
      key: publicLine.split(' ').slice(0, 2).join(' '),
      created_at: expect.stringMatching(/Z$/) as string,
      last_used: null,
    });
    expect((await call('owner', 'GET', KEYS)).json()).toEqual([key]);
    expect((await call('owner', 'GET', `${KEYS}/${key.id}`)).json()).toEqual(key);
    expect((await call('stranger', 'GET', `${KEYS}/${key.id}`)).status).toBe(404);
    expect((await call('stranger', 'DELETE', `${KEYS}/${key.id}`)).status).toBe(404);
    expect((await call('owner', 'DELETE', `${KEYS}/${key.id}`)).status).toBe(204);
    expect((await call('owner', 'DELETE', `${KEYS}/${key.id}`)).status).toBe(404);
    expect((await call('owner', 'GET', KEYS)).json()).toEqual([]);
  });

  test('without a title a key is called by its comment', async () => {
    const { publicLine } = newKey();
    const added = await call('owner', 'POST', KEYS, { key: publicLine });
    expect(added.json<SshKeyReply>().title).toBe(publicLine.split(' ')[2]);
    const bare = newKey().publicLine.split(' ').slice(0, 2).join(' ');
    expect((await call('owner', 'POST', KEYS, { key: bare })).json<SshKeyReply>().title).toBe('ssh-ed25519');
  });

  test('a private key is refused, and is in no answer and no line of the log', async () => {
    const { readFileSync } = await import('node:fs');
    const secret = readFileSync(newKey().file, 'utf8');
    await expectNothingStored(hub, async () => {
      const answer = await call('owner', 'POST', KEYS, { key: secret });
      expect(answer.status).toBe(400);
      expect(answer.headers['x-error-code']).toBe('InvalidKey');
      const [, middle = ''] = secret.split('\n');
      expect(answer.text).not.toContain(middle);
      expect(hub.logged().some((line) => line.includes(middle))).toBe(false);
    });
  });

  test.each([
    ['a comment of 1 MB', (line: string) => `${line} ${'a'.repeat(1 << 20)}`],
    ['options', (line: string) => `command="id" ${line}`],
    ['two lines', (line: string) => `${line}\n${line}`],
    ['a key that was cut off', (line: string) => line.slice(0, 40)],
  ])('%s is 400 and leaves nothing', async (_what, change) => {
    await expectNothingStored(hub, async () => {
      const answer = await call('owner', 'POST', KEYS, { key: change(newKey().publicLine) });
      expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidKey']);
    });
  });

  test('read tokens and fine-grained ones do not come near the keys', async () => {
    expect((await call('owner-read', 'GET', KEYS)).status).toBe(403);
    expect((await call('owner-read', 'POST', KEYS, { key: newKey().publicLine })).status).toBe(403);
    const made = await call('owner', 'POST', '/api/settings/tokens', {
      ...{ name: 'narrow', role: 'fineGrained' },
      access: [{ type: 'user', name: 'owner', permission: 'write' }],
    });
    const { secret } = made.json<{ secret: string }>();
    const answer = await hub.send('POST', KEYS, { token: secret, body: { key: newKey().publicLine } });
    expect(answer.status).toBe(403);
  });
});

describe('deploy keys', () => {
  test('a key that only reads is the usual one; who may administer adds and deletes it', async () => {
    const added = await call('owner', 'POST', DEPLOY, { title: 'CI', key: newKey().publicLine });
    expect(added.status, added.text).toBe(201);
    const key = added.json<DeployKeyReply>();
    expect(key).toMatchObject({ title: 'CI', read_only: true, added_by: 'owner', last_used: null });
    const writing = await call('owner', 'POST', DEPLOY, { key: newKey().publicLine, read_only: false });
    expect(writing.json()).toMatchObject({ read_only: false });
    expect((await call('owner', 'GET', DEPLOY)).json()).toEqual([key, writing.json()]);
    expect((await call('owner', 'GET', `${DEPLOY}/${key.id}`)).json()).toEqual(key);
    // The same id in another place is no key there.
    expect((await call('owner', 'DELETE', `${KEYS}/${key.id}`)).status).toBe(404);
    expect((await call('lab-admin', 'DELETE', `/api/models/lab/repo/keys/${key.id}`)).status).toBe(404);
    expect((await call('stranger', 'GET', DEPLOY)).status).toBe(403);
    expect((await call('owner', 'DELETE', `${DEPLOY}/${key.id}`)).status).toBe(204);
    expect((await call('owner', 'GET', `${DEPLOY}/${key.id}`)).status).toBe(404);
  });

  test('somebody who administers and may not write adds no key that writes', async () => {
    const { publicLine } = newKey();
    const wish = { key: publicLine, read_only: false };
    expect((await call('site-admin', 'POST', DEPLOY, wish)).status).toBe(403);
    expect((await call('site-admin', 'POST', DEPLOY, { ...wish, read_only: true })).status).toBe(201);
  });

  test('a key is of one owner only, and whose it is nobody learns', async () => {
    const { publicLine } = newKey();
    expect((await call('owner', 'POST', KEYS, { key: publicLine })).status).toBe(201);
    for (const [person, path] of [
      ['owner', KEYS],
      ['stranger', KEYS],
      ['owner', DEPLOY],
      ['lab-admin', '/api/models/lab/repo/keys'],
    ] as const) {
      const again = await call(person, 'POST', path, { key: `${publicLine} again` });
      expect([again.status, again.headers['x-error-code']]).toEqual([409, 'Conflict']);
      expect(again.text).not.toMatch(/owner|lab/);
    }
    const deploy = newKey().publicLine;
    expect((await call('lab-admin', 'POST', '/api/models/lab/repo/keys', { key: deploy })).status).toBe(201);
    const taken = await call('stranger', 'POST', KEYS, { key: deploy });
    expect(taken.status).toBe(409);
    expect(taken.text).not.toMatch(/lab/);
  });

  test('they go with their repository', async () => {
    const { publicLine } = newKey();
    await createRepo(hub, 'owner/short-lived');
    const path = '/api/models/owner/short-lived/keys';
    expect((await call('owner', 'POST', path, { key: publicLine })).status).toBe(201);
    const gone = { name: 'short-lived', organization: 'owner', type: 'model' };
    expect((await call('owner', 'DELETE', '/api/repos/delete', gone)).status).toBe(200);
    expect((await call('owner', 'POST', KEYS, { key: publicLine })).status).toBe(201);
  });
});

test('there is an end to the number of keys', async () => {
  const many = 1_000;
  const { generateKeyPairSync } = await import('node:crypto');
  for (let made = 0; made < many; made++) {
    const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    const blob = Buffer.concat([
      Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1'),
      Buffer.from(x, 'base64url'),
    ]);
    const key = `ssh-ed25519 ${blob.toString('base64')}`;
    expect((await call('visitor', 'POST', KEYS, { key })).status).toBe(201);
  }
  const answer = await call('visitor', 'POST', KEYS, { key: newKey().publicLine });
  expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'TooManyItems']);
});
