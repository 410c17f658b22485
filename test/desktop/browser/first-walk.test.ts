import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page, Response } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProgram, type RunningProgram } from '../../support/program.ts';
import { describeWithTools } from '../../support/require.ts';
import { openBrowser, visitHub, type Visit } from './open-browser.ts';
import { sha256, writeSampleFolder } from './sample-files.ts';
import { lookAt } from './screens.ts';

const PASSWORD = 'tidevannstabell';
const REPO = '/ana/fjord-7b';

// One walk of one person: each step begins where the step before it ended.
describeWithTools(
  'from an empty hub to a downloaded file, without a terminal',
  ['chromium'],
  ({ chromium }) => {
    let folder: string;
    let files: ReadonlyMap<string, Buffer>;
    let hub: RunningProgram;
    let browser: Browser;
    let visit: Visit;
    let page: Page;
    const barriers: string[] = [];
    const look = async (name: string): Promise<void> => {
      barriers.push(...(await lookAt(page, name)));
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'atoll-walk-'));
      files = writeSampleFolder(join(folder, 'files'));
      // Small parts, so that a file of a few megabytes goes the way of a large one.
      const env = { ATOLL_LIMITS_PART_SIZE: '5MiB' };
      hub = await startProgram(['--port', '0', '--data-dir', join(folder, 'hub')], { env });
      browser = await openBrowser(chromium);
      visit = await visitHub(browser, hub.url);
      page = visit.page;
    });
    afterAll(async () => {
      await browser?.close();
      await hub?.end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    });

    const setupLink = async (): Promise<string> => {
      await expect.poll(() => hub.output.stdout).toMatch(/\/setup\?secret=/);
      return /(\/setup\?secret=\S+)/.exec(hub.output.stdout)?.[1] ?? '';
    };
    const button = (name: string | RegExp) => page.getByRole('button', { name });
    const link = (name: string | RegExp) => page.getByRole('link', { name });

    test('every page of an empty hub leads to setup', async () => {
      await page.goto('/models');
      await page.getByRole('heading', { name: 'Set up your hub' }).waitFor();
      await page.getByLabel('Setup code').waitFor();
    });

    test('setup makes the first account and says where files live and who can reach them', async () => {
      await page.goto(await setupLink());
      await look('setup-account');
      await page.getByLabel('User name').fill('ana');
      await page.getByLabel('Password', { exact: true }).fill('short');
      await page.getByText('Too short.').waitFor();
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await button('Continue').click();
      await page.getByRole('heading', { name: 'Where files live' }).waitFor();
      await page.getByText(join(folder, 'hub')).waitFor();
      await look('setup-storage');
      await button('Continue').click();
      await page
        .getByRole('heading', { name: 'Only this computer' })
        .or(page.getByText('Only this computer').last())
        .waitFor();
      await look('setup-network');
      await button('Continue').click();
    });

    test('the last step gives a working token and ticks itself when a push arrives', async () => {
      const lines = page.getByRole('tabpanel');
      await expect.poll(() => lines.innerText()).toMatch(/hf auth login --token hf_\w{20,}/);
      await look('setup-first-model');
      const token = /hf_\w{20,}/.exec(await lines.innerText())?.[0] ?? '';
      const answer = await fetch(`${hub.url}/api/repos/create`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'model', name: 'pushed' }),
      });
      expect(answer.status).toBe(200);
      await page.getByText('It has arrived').waitFor();
      await page.getByText('ana/pushed').waitFor();
      await button('Open the hub').click();
    });

    test('the first load of the shell stays small', async () => {
      let bytes = 0;
      const weigh = async (answer: Response): Promise<void> => {
        if (!/\.(?:js|css)$/.test(new URL(answer.url()).pathname)) return;
        const size = gzipSync(await answer.body()).length;
        bytes += size;
      };
      // A profile of its own has nothing cached yet.
      const storageState = await visit.context.storageState();
      const profile = await browser.newContext({ baseURL: hub.url, storageState });
      const fresh = await profile.newPage();
      const weighed: Promise<void>[] = [];
      fresh.on('response', (answer) => weighed.push(weigh(answer)));
      await fresh.goto('/', { waitUntil: 'networkidle' });
      await Promise.all(weighed);
      await profile.close();
      expect(bytes).toBeGreaterThan(50_000);
      expect(bytes).toBeLessThan(240_000);
    });

    test('the overview shows the endpoint to copy, and copying really copies', async () => {
      await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
      await look('overview');
      await page.getByRole('button', { name: 'Copy' }).first().click();
      await page.getByText('Copied').first().waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`export HF_ENDPOINT=${hub.url}`);
      await page.getByRole('tab', { name: 'PowerShell' }).click();
      await page.getByText(`$env:HF_ENDPOINT = "${hub.url}"`).waitFor();
    });

    test('a repo is created', async () => {
      await button('New').click();
      await page.getByRole('menuitem', { name: 'New model' }).click();
      await page.getByLabel('Name', { exact: true }).fill('bad--name');
      await page.getByText('No “--” and no “..”.').waitFor();
      await page.getByLabel('Name', { exact: true }).fill('fjord-7b');
      await look('new-repo');
      await page.getByRole('radio', { name: /Private/ }).check();
      await button('Create model').click();
      await page.getByRole('heading', { name: 'ana/fjord-7b has no files yet' }).waitFor();
      await look('empty-repo');
    });

    test('a folder is uploaded with its structure, and everything before the commit is said as it is', async () => {
      await link('Upload').click();
      await look('upload-empty');
      await page.locator('input[data-choose=folder]').setInputFiles(join(folder, 'files'));
      await page.getByText('100% sure + a & b #1.txt').waitFor();
      await look('upload-chosen');
      await page.getByLabel('Message').fill('First upload');
      await button(`Upload ${String(files.size)} files`).click();
      await page.getByText(`${String(files.size)} files committed to main`).waitFor({ timeout: 60_000 });
      await look('upload-done');
    });

    test('the card is shown without anything a stranger could do with it', async () => {
      await page.goto(REPO);
      await page.getByRole('heading', { name: 'Fjord 7B' }).waitFor();
      await look('card');
      const card = page.locator('.prose');
      expect(
        await card.locator('script, iframe, form, style, input, [onclick], [onerror], [style], #app').count(),
      ).toBe(0);
      expect(await card.getByText('click', { exact: true }).getAttribute('href')).toBeNull();
      expect(await card.locator('.outside-image').count()).toBe(2);
      expect(await page.evaluate('window.hacked')).toBeUndefined();
      const inside = `document.querySelector('.prose img[alt="Inside"]').naturalWidth`;
      await expect.poll(() => page.evaluate(inside)).toBe(64);
      await page.getByText('apache-2.0').first().waitFor();
      await card.getByRole('link', { name: 'file of this repo' }).click();
      await page.getByText('12345678901234567890').waitFor();
      expect(new URL(page.url()).pathname).toBe(`${REPO}/blob/main/config/config.json`);
    });

    test('a repo is liked, and that is taken back, without a mouse', async () => {
      await page.goto(REPO);
      const like = button('Like');
      await like.and(page.locator('[aria-pressed=false]')).waitFor();
      await page.getByText('0 people like this').waitFor({ state: 'attached' });
      await like.focus();
      await page.keyboard.press('Enter');
      await like.and(page.locator('[aria-pressed=true]')).waitFor();
      await page.getByText('1 person likes this').waitFor({ state: 'attached' });
      await look('liked');
      await page.reload();
      await like.and(page.locator('[aria-pressed=true]')).waitFor();
      await page.goto('/models');
      await page.getByRole('columnheader', { name: 'Likes' }).waitFor();
      await look('models-liked');
      await page.goto(REPO);
      await like.and(page.locator('[aria-pressed=true]')).waitFor();
      await like.focus();
      await page.keyboard.press('Space');
      await like.and(page.locator('[aria-pressed=false]')).waitFor();
      await page.getByText('0 people like this').waitFor({ state: 'attached' });
    });

    test('files are found by folder, by branch and by name', async () => {
      await page.goto(`${REPO}/tree/main`);
      await page.getByRole('cell', { name: 'model.safetensors' }).waitFor();
      await look('files');
      await link('notes').click();
      await link('日本語').click();
      await link('語彙.txt').click();
      await page.getByText('あ').waitFor();
      await look('file');
      await page.goto(`${REPO}/tree/main`);
      await page.getByRole('cell', { name: 'model.safetensors' }).waitFor();
      await page.keyboard.press('t');
      await page.getByRole('dialog').getByRole('combobox').fill('100% sure');
      await page.keyboard.press('Enter');
      await expect
        .poll(() => decodeURIComponent(new URL(page.url()).pathname))
        .toBe(`${REPO}/blob/main/notes/100% sure + a & b #1.txt`);
      await button(/^Branch or tag/).click();
      await page.getByPlaceholder('Find, or name a new branch').fill('trial');
      await look('branches');
      await button(/New branch “trial”/).click();
      await expect.poll(() => page.url()).toContain('/blob/trial/');
    });

    test('every file comes back byte for byte', async () => {
      for (const [path, bytes] of files) {
        await page.goto(`${REPO}/blob/main/${path.split('/').map(encodeURIComponent).join('/')}`);
        const [download] = await Promise.all([page.waitForEvent('download'), link('Download').click()]);
        const saved = join(folder, 'saved');
        await download.saveAs(saved);
        expect(download.suggestedFilename()).toBe(path.split('/').at(-1));
        expect(sha256(readFileSync(saved)), path).toBe(sha256(bytes));
      }
    });

    test('uploading the same files again commits nothing, and a changed one replaces', async () => {
      await page.goto(`${REPO}/upload/main`);
      await page.locator('input[data-choose=folder]').setInputFiles(join(folder, 'files'));
      await button(/^Upload \d+ files$/).click();
      await page.getByText('Nothing to commit').waitFor();
      await button('Upload more').click();
      const changed = join(folder, 'data.bin');
      writeFileSync(changed, 'changed');
      await page.locator('input[data-choose=files]').setInputFiles(changed);
      await button('Upload 1 file').click();
      await page.getByText('1 file committed to main').waitFor();
      await link(/^Open commit/).click();
      await page.getByRole('heading', { name: 'Upload 1 file' }).waitFor();
      await page.getByRole('heading', { name: '1 file changed' }).waitFor();
      await page.getByText('A large file: its bytes are not compared line by line.').waitFor();
      await look('commit');
      // The commit before it brought every file: its texts are shown line by line.
      await link(/^[0-9a-f]{40}$/).click();
      await page.getByRole('heading', { name: /^\d+ files changed$/ }).waitFor();
      await page.getByRole('region', { name: 'Changed lines of README.md' }).waitFor();
      await look('commit-lines');
    });

    test('a paused upload goes on with the parts that are missing, and leaving a running one asks', async () => {
      const wire = await visit.context.newCDPSession(page);
      await wire.send('Network.enable');
      const slow = (uploadThroughput: number) =>
        wire.send('Network.emulateNetworkConditions', {
          offline: false,
          latency: 0,
          downloadThroughput: -1,
          uploadThroughput,
        });
      let partsStored = 0;
      page.on('response', (answer) => {
        if (answer.url().includes('/api/lfs/parts/') && answer.ok()) partsStored += 1;
      });
      await page.goto(`${REPO}/upload/main/more`);
      const large = join(folder, 'large.safetensors');
      const bytes = randomBytes(9 * 5 * 1024 * 1024);
      writeFileSync(large, bytes);
      await page.locator('input[data-choose=files]').setInputFiles(large);
      await slow(1_000_000);
      await button('Upload 1 file').click();
      const progress = page.getByRole('progressbar', { name: 'Sending large.safetensors' });
      await progress.waitFor();
      await look('upload-sending');
      await link('Models').click();
      await page.getByRole('heading', { name: 'Leave and stop the upload?' }).waitFor();
      await look('upload-leave');
      await button('Stay').click();
      await slow(10_000_000);
      await expect.poll(async () => Number(await progress.getAttribute('aria-valuenow'))).toBeGreaterThan(50);
      await button('Pause').click();
      await page.getByRole('heading', { name: 'Upload paused' }).waitFor();
      await look('upload-paused');
      expect(partsStored).toBeGreaterThan(0);
      expect(partsStored).toBeLessThan(9);
      await slow(-1);
      await button('Resume').click();
      await page.getByText('1 file committed to main').waitFor({ timeout: 60_000 });
      expect(partsStored).toBe(9);
      await wire.detach();
      const answer = await page.request.get(`${REPO}/resolve/main/more/large.safetensors`);
      expect(sha256(await answer.body())).toBe(sha256(bytes));
    });

    test('history, lists and other people’s tools are one click away', async () => {
      await page.goto(`${REPO}/commits/main`);
      await page.getByText('First upload').waitFor();
      await look('commits');
      await page.goto(`${REPO}?use=transformers`);
      await page.getByText('from_pretrained').first().waitFor();
      await look('use');
      await button('Create and fill in').click();
      await expect.poll(() => page.getByRole('tabpanel').innerText()).toMatch(/HF_TOKEN=hf_\w{20,}/);
      await page.keyboard.press('Escape');
      await page.goto('/models');
      await page.getByRole('cell', { name: 'ana/fjord-7b' }).waitFor();
      await look('models');
      await page.keyboard.press('/');
      await page.keyboard.type('pushed');
      await expect.poll(() => page.url()).toContain('search=pushed');
      await expect.poll(() => page.getByRole('cell', { name: 'ana/fjord-7b' }).count()).toBe(0);
      await page.goto('/ana');
      await page.getByRole('cell', { name: 'ana/fjord-7b' }).waitFor();
      await look('owner');
      await page.keyboard.press('Control+k');
      await page
        .getByRole('dialog')
        .getByRole('combobox')
        .fill('https://huggingface.co/ana/fjord-7b/tree/main/notes');
      await page.getByRole('option', { name: /Open ana\/fjord-7b/ }).waitFor();
      await look('palette');
      await page.keyboard.press('Enter');
      await expect.poll(() => new URL(page.url()).pathname).toBe(`${REPO}/tree/main/notes`);
    });

    test('a token is shown once, copied, and revoked after a question', async () => {
      await page.keyboard.press('g');
      await page.keyboard.press('t');
      await page.getByRole('heading', { name: 'Access tokens' }).waitFor();
      await look('tokens');
      await button('New token').click();
      await page.getByLabel('Name', { exact: true }).fill('laptop');
      await look('token-new');
      await page.getByRole('dialog').getByRole('button', { name: 'New token' }).click();
      const secret = page.getByRole('textbox', { name: 'Token' });
      await secret.waitFor();
      const shown = await secret.innerText();
      expect(shown).toMatch(/^hf_/);
      await look('token-made');
      await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(shown);
      await button('I have copied it').click();
      const whoami = () =>
        fetch(`${hub.url}/api/whoami-v2`, { headers: { authorization: `Bearer ${shown}` } }).then(
          ({ status }) => status,
        );
      expect(await whoami()).toBe(200);
      await button('Revoke laptop').click();
      await look('token-revoke');
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      await expect.poll(() => button('Revoke laptop').count()).toBe(0);
      expect(await whoami()).toBe(401);
    });

    test('appearance holds over a reload and is there before the first paint', async () => {
      await page.goto('/settings');
      await page.getByLabel('Full name').fill('Ana Nilsen');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Saved').waitFor();
      await look('settings');
      await button('Dark').click();
      await button('14 px').click();
      await page.addInitScript(
        'requestAnimationFrame(() => { window.firstTheme = document.documentElement.dataset.theme })',
      );
      await page.reload();
      expect(await page.evaluate('window.firstTheme')).toBe('dark');
      await button('13 px').click();
      await button('As the system').click();
      await page.goto('/connect');
      await look('connect');
    });

    test('what is not there says so, and a wrong password too', async () => {
      await visit.expecting(404, async () => {
        await page.goto('/nobody/nothing');
        await page.getByRole('heading', { name: 'Nothing here by this name' }).waitFor();
      });
      await look('not-found');
      await button(/^ana, administrator/).click();
      await look('person-menu');
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await look('login');
      await visit.expecting(401, async () => {
        await page.getByLabel('User name').fill('ana');
        await page.getByLabel('Password').fill('wrong password');
        await button('Sign in').click();
        await page.getByText('Wrong user name or password.').waitFor();
        await page.goto(REPO);
        await page.getByRole('heading', { name: 'Sign in to see this' }).waitFor();
      });
      await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
      await page.getByLabel('User name').fill('ana');
      await page.getByLabel('Password').fill(PASSWORD);
      await button('Sign in').click();
      await page.getByRole('heading', { name: 'ana/fjord-7b' }).waitFor();
      expect(new URL(page.url()).pathname).toBe(REPO);
    });

    test('nothing was asked of another origin, nothing failed unseen, and no screen shuts anybody out', () => {
      expect(visit.faults).toEqual([]);
      expect(barriers).toEqual([]);
    });
  },
);
