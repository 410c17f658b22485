import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What a page must never do: ask another origin, throw, or write an error or warning to the console. */
  readonly faults: string[];
  /** Runs something during which the browser may report answers of this status as errors of their own. */
  expecting(status: number, work: () => Promise<void>): Promise<void>;
}

/** Starts the browser with nothing of its own reaching out. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: QUIET });

/** A fresh profile on one hub, watched for faults. */
export async function visitHub(browser: Browser, origin: string): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: origin,
    viewport: { width: 1280, height: 900 },
    colorScheme: 'light',
    permissions: ['clipboard-read', 'clipboard-write'],
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  let expected: number | undefined;

  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'data:' && url.protocol !== 'blob:') {
      faults.push(`asked ${request.url()}`);
    }
  });
  page.on('pageerror', (error) => faults.push(`threw ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    if (!['error', 'warning'].includes(message.type())) return;
    if (expected !== undefined && text.includes(`status of ${expected}`)) return;
    faults.push(`wrote ${text} (${message.location().url})`);
  });
  return {
    page,
    context,
    faults,
    async expecting(status, work) {
      expected = status;
      await work();
      expected = undefined;
    },
  };
}
