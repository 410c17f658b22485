import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { createHubApi } from '../../support/hub-api.ts';
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
    await page.getByRole('link', { name: 'Settings' }).last().click();
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
