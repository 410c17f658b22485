import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startProgram, type RunningProgram } from '../../support/program.ts';
import { describeWithTools } from '../../support/require.ts';
import { freePort } from '../../support/ssh.ts';
import { openBrowser, visitHub, type Visit } from './open-browser.ts';
import { lookAt } from './screens.ts';

const PASSWORD = 'tidevannstabell';
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A page of another origin that signs people in with the hub, by the JavaScript client as it comes. */
async function startApplication(): Promise<{ readonly url: string; readonly server: Server }> {
  const source = `
    import { oauthHandleRedirectIfPresent, oauthLoginUrl } from '@huggingface/hub';
    window.login = (options) => oauthLoginUrl({ redirectUrl: location.origin + '/', ...options });
    window.finish = (hubUrl) => oauthHandleRedirectIfPresent({ hubUrl });`;
  // Bundlers for browsers follow the package's own map to this file.
  const client = join(ROOT, 'node_modules/@huggingface/hub/dist/browser/index.mjs');
  const flags = ['--bundle', '--format=iife', '--platform=browser', `--alias:@huggingface/hub=${client}`];
  const bundler = join(ROOT, 'node_modules/.bin/esbuild');
  const script = execFileSync(bundler, flags, { input: source, cwd: ROOT, maxBuffer: 2 ** 26 });
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript
        ? script
        : '<!doctype html><html lang="en"><title>Charts</title><script src="/page.js"></script>',
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describeWithTools('signing in elsewhere, as a person does it', ['chromium'], ({ chromium }) => {
  let folder: string;
  let hub: RunningProgram;
  let browser: Browser;
  let visit: Visit;
  let page: Page;
  let application: Awaited<ReturnType<typeof startApplication>>;
  const barriers: string[] = [];
  const look = async (name: string): Promise<void> => {
    barriers.push(...(await lookAt(page, name)));
  };
  const button = (name: string | RegExp) => page.getByRole('button', { name });
  const heading = (name: string | RegExp) => page.getByRole('heading', { name }).waitFor();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'atoll-sign-in-'));
    const sshPort = String(await freePort());
    hub = await startProgram([
      ...['--port', '0', '--ssh-port', sshPort],
      ...['--data-dir', join(folder, 'hub')],
    ]);
    browser = await openBrowser(chromium);
    visit = await visitHub(browser, hub.url);
    page = visit.page;
    application = await startApplication();
    const secret = await vi.waitUntil(() => /\/setup\?secret=(\S+)/.exec(hub.output.stdout)?.[1]);
    const answer = await fetch(`${hub.url}/api/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        secret,
        name: 'ana',
        fullName: 'Ana',
        email: 'ana@example.org',
        password: PASSWORD,
      }),
    });
    expect(answer.status).toBe(201);
  });
  afterAll(async () => {
    await browser?.close();
    application?.server.close();
    await hub?.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });

  const post = (path: string, fields: Record<string, string>) =>
    fetch(hub.url + path, { method: 'POST', body: new URLSearchParams(fields) });
  const begin = async () =>
    (await (await post('/oauth/device', { client_id: '26be6b09-91c5-47da-9861-d2d2bb7a7e36' })).json()) as {
      device_code: string;
      user_code: string;
      verification_uri_complete: string;
    };
  const poll = async (code: string) => {
    const answer = await post('/oauth/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: code,
      client_id: '26be6b09-91c5-47da-9861-d2d2bb7a7e36',
    });
    return (await answer.json()) as { access_token?: string; error?: string };
  };

  test('the link of hf auth login asks to sign in first, then whether to let the program in', async () => {
    const begun = await begin();
    await page.goto(begun.verification_uri_complete);
    await heading('Sign in');
    await page.getByLabel('User name').fill('ana');
    await page.getByLabel('Password').fill(PASSWORD);
    await button('Sign in').click();
    await heading('Hugging Face command line wants to act as you');
    await page.getByText(begun.user_code).waitFor();
    await look('device-asked');
    expect((await poll(begun.device_code)).error).toBe('authorization_pending');
    await button('Let it in').click();
    await heading('The program is in');
    await look('device-approved');
    expect((await poll(begun.device_code)).access_token).toMatch(/^hf_/);
  });

  test('a code is typed by keyboard, a wrong one says so, and no means no', async () => {
    const begun = await begin();
    await page.goto('/oauth/device');
    await visit.expecting(404, async () => {
      await page.keyboard.type('bbbb bbbb');
      await page.keyboard.press('Enter');
      await page.getByText(/No program waits under this code/).waitFor();
    });
    await look('device-code');
    await page.getByLabel('Code').fill(begun.user_code.toLowerCase().replace('-', ''));
    await page.keyboard.press('Enter');
    await heading('Hugging Face command line wants to act as you');
    await button('Keep it out').click();
    await heading('The program stays out');
    expect((await poll(begun.device_code)).error).toBe('access_denied');
  });

  test('an application is registered, and its page learns who somebody is by the JavaScript client', async () => {
    await page.goto('/settings/applications');
    await page.getByText('No applications yet').waitFor();
    await button('Register an application').click();
    await page.getByLabel('Name', { exact: true }).fill('Charts');
    await page.getByLabel('Addresses to return to').fill(`${application.url}/`);
    await look('application-new');
    await page.getByRole('dialog').getByRole('button', { name: 'Register an application' }).click();
    const clientId = await page.getByRole('textbox', { name: 'Client id' }).innerText();
    await button('I have copied it').click();
    await look('applications');

    const other = await visit.context.newPage();
    await other.goto(`${application.url}/`);
    const options = JSON.stringify({
      clientId,
      hubUrl: hub.url,
      scopes: 'openid profile email',
      state: 'here',
    });
    await other.goto(String(await other.evaluate(`window.login(${options})`)));
    await other.getByRole('heading', { name: 'Charts asks who you are' }).waitFor();
    await other.getByText(application.url).waitFor();
    barriers.push(...(await lookAt(other, 'consent')));
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.waitForURL(`${application.url}/?code=*`);
    const result = (await other.evaluate(`window.finish(${JSON.stringify(hub.url)})`)) as {
      accessToken: string;
      userInfo: { preferred_username: string; email: string };
      state: string;
      scope: string;
    };
    expect(result).toMatchObject({
      ...{ state: 'here', scope: 'openid profile email' },
      userInfo: { preferred_username: 'ana', name: 'Ana', email: 'ana@example.org' },
    });
    expect(result.accessToken).toMatch(/^hf_/);

    await other.goto(`${application.url}/`);
    await other.goto(String(await other.evaluate(`window.login(${options})`)));
    await other.getByRole('button', { name: 'Cancel' }).click();
    await other.waitForURL(`${application.url}/?error=access_denied*`);
    const wrong = JSON.stringify({ clientId, hubUrl: hub.url, redirectUrl: `${application.url}/elsewhere` });
    await other.goto(String(await other.evaluate(`window.login(${wrong})`)));
    await other.getByRole('heading', { name: 'This link to sign in is not right' }).waitFor();
    barriers.push(...(await lookAt(other, 'consent-refused')));
    await other.close();
  });

  test('a fine-grained token is made of places, and a token gets another name', async () => {
    await page.goto('/settings/tokens');
    await page.getByText('Hugging Face command line (127.0.0.1)').waitFor();
    await button('New token').click();
    await page.getByLabel('Name', { exact: true }).fill('robot');
    await page.getByRole('radio', { name: /Fine-grained/ }).check();
    await page.getByText('Choose at least one place.').waitFor();
    await page.getByLabel('Access to ana').selectOption('Read and write');
    await page.getByText('Can read in 1 place, and write in 1 of them.').waitFor();
    await look('token-fine-grained');
    await page.getByRole('dialog').getByRole('button', { name: 'New token' }).click();
    await page.getByRole('textbox', { name: 'Token' }).waitFor();
    await button('I have copied it').click();
    await button('Rename robot').click();
    await page.getByLabel('New name').fill('night job');
    await look('token-rename');
    await page.keyboard.press('Enter');
    await button('Revoke night job').waitFor();
    await look('tokens-many');
  });

  test('a key for SSH is added and deleted, and a deploy key of a repo', async () => {
    const keyLine = (): string => {
      const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
      const head = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1');
      return `ssh-ed25519 ${Buffer.concat([head, Buffer.from(x, 'base64url')]).toString('base64')} ana@boat`;
    };
    await page.goto('/settings/ssh-keys');
    await page.getByText('No keys yet').waitFor();
    await page.getByText('This hub’s own keys').waitFor();
    await button('Add a key').click();
    await visit.expecting(400, async () => {
      await page.getByLabel('Public key').fill('-----BEGIN OPENSSH PRIVATE KEY-----');
      await page.getByRole('dialog').getByRole('button', { name: 'Add a key' }).click();
      await page.getByText(/This is a private key\./).waitFor();
    });
    await look('ssh-key-private');
    await page.getByLabel('Public key').fill(keyLine());
    await page.getByRole('dialog').getByRole('button', { name: 'Add a key' }).click();
    await button('Delete ana@boat').waitFor();
    await look('ssh-keys');
    await button('Delete ana@boat').click();
    await look('ssh-key-delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No keys yet').waitFor();

    const made = await visit.context.request.post('/api/repos/create', { data: { name: 'charts' } });
    expect(made.status()).toBe(200);
    await page.goto('/ana/charts/settings');
    await button('Add a deploy key').click();
    await page.getByLabel('Name', { exact: true }).last().fill('night build');
    await page.getByLabel('Public key').fill(keyLine());
    await page.getByLabel('May push to this repo').check();
    await look('deploy-key-new');
    await page.getByRole('dialog').getByRole('button', { name: 'Add a deploy key' }).click();
    await page.getByText('reads and writes').waitFor();
    await look('deploy-keys');
    await button('Delete night build').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await button('Delete night build').waitFor({ state: 'detached' });
    await page.goto('/ana/charts?use=git');
    await page.getByText(/git clone ssh:\/\/git@127\.0\.0\.1:\d+\/ana\/charts/).waitFor();
    await look('clone-by-ssh');
  });

  test('sessions are listed, and all others end at once', async () => {
    const elsewhere = await browser.newContext({ baseURL: hub.url });
    const signedIn = await elsewhere.request.post('/api/session', {
      data: { name: 'ana', password: PASSWORD },
    });
    expect(signedIn.status()).toBe(200);
    await page.goto('/settings/sessions');
    await page.getByText('this one').waitFor();
    await look('sessions');
    await button('Sign out everywhere else').click();
    await look('sessions-end');
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByText('You are signed in nowhere else.').waitFor();
    const left = (await (await elsewhere.request.get('/api/session')).json()) as { user: unknown };
    expect(left.user).toBeNull();
    await elsewhere.close();
  });

  test('nothing was asked of another origin, nothing failed unseen, and no screen shuts anybody out', () => {
    expect(visit.faults).toEqual([]);
    expect(barriers).toEqual([]);
  });
});
