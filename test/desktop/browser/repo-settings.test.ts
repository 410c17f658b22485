import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { createHubApi, file } from '../../support/hub-api.ts';
import { startHubProgram, type HubProgram } from '../../support/hub-program.ts';
import { describeWithTools } from '../../support/require.ts';
import { openBrowser, visitHub, type Visit } from './open-browser.ts';
import { lookAt } from './screens.ts';

const PASSWORD = 'tidevannstabell';

describeWithTools('the settings of a repository', ['chromium'], ({ chromium }) => {
  let hub: HubProgram;
  let browser: Browser;
  let visit: Visit;
  let page: Page;
  const barriers: string[] = [];
  const button = (name: string) => page.getByRole('button', { name });

  beforeAll(async () => {
    hub = await startHubProgram([]);
    await createHubApi({ url: hub.url, token: hub.tokens.ada }).createRepo('models/ada/thing');
    await hub.command('apply', { text: JSON.stringify({ users: [{ name: 'ada', password: PASSWORD }] }) });
    browser = await openBrowser(chromium);
    visit = await visitHub(browser, hub.url);
    page = visit.page;
    await page.goto('/login?next=/ada/thing');
    await page.getByLabel('Name').first().fill('ada');
    await page.getByLabel('Password').first().fill(PASSWORD);
    await button('Sign in').first().click();
    // The page has a link to the settings of the person too, and earlier.
    await page.locator('a[href="/ada/thing/settings"]').click();
    await page.waitForURL('**/ada/thing/settings');
  });
  afterAll(async () => {
    await browser?.close();
    await hub?.[Symbol.asyncDispose]();
  });

  test('rename it, and its former address leads there', async () => {
    await page.getByRole('heading', { name: 'Name and owner' }).waitFor();
    barriers.push(...(await lookAt(page, 'repo-settings')));
    await page.getByRole('textbox', { name: 'Name' }).fill('other-thing');
    await button('Rename').click();
    await page.waitForURL('**/ada/other-thing/settings');
    await page.goto('/ada/thing/settings');
    await page.waitForURL('**/ada/other-thing/settings');
  });

  test('hide it and archive it', async () => {
    await page.getByRole('radio', { name: /^Private/ }).check();
    await button('Make private').click();
    await page.getByText('Saved').waitFor();
    await button('Archive this repo').click();
    await button('Unarchive this repo').waitFor();
    await page.getByText('Archived', { exact: true }).first().waitFor();
  });

  test('a list marks what is archived, and is sorted by likes from its head or its choice', async () => {
    const api = createHubApi({ url: hub.url, token: hub.tokens.ada });
    for (const name of ['plain', 'liked']) await api.createRepo(`models/ada/${name}`);
    await api.call('/api/models/ada/liked/like', { json: {} });
    await api.commit('models/ada/plain', [file('a.txt', 'the newest change')]);
    const names = () => page.locator('tbody [data-row-link]').allInnerTexts();
    await page.goto('/models');
    await page.getByRole('row', { name: /other-thing.*Archived/ }).waitFor();
    expect(await page.getByRole('row', { name: /Archived/ }).count()).toBe(1);
    expect((await names())[0]).toBe('ada/plain');
    await button('Likes').press('Enter');
    await page.waitForURL('**/models?sort=likes');
    await page
      .getByRole('columnheader', { name: 'Likes' })
      .and(page.locator('[aria-sort=descending]'))
      .waitFor();
    await expect.poll(async () => (await names())[0]).toBe('ada/liked');
    barriers.push(...(await lookAt(page, 'models-by-likes')));
    await page.getByLabel('Sort').selectOption('Most pulled');
    await page.waitForURL('**/models?sort=downloads');
    await page.goto('/ada/other-thing/settings');
  });

  test('delete it once its name was typed', async () => {
    await button('Delete this repo').click();
    barriers.push(...(await lookAt(page, 'repo-delete')));
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/to confirm/).fill('ada/thing');
    expect(await dialog.getByRole('button', { name: 'Delete this repo' }).isDisabled()).toBe(true);
    await dialog.getByLabel(/to confirm/).fill('ada/other-thing');
    await dialog.getByRole('button', { name: 'Delete this repo' }).click();
    await page.waitForURL('**/ada');
  });

  test('ask nothing of others and shut nobody out', () => {
    expect({ barriers, faults: visit.faults }).toEqual({ barriers: [], faults: [] });
  });
});
