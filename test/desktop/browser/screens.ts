import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const SCREENS = fileURLToPath(new URL('../../../test-results/screens/', import.meta.url));

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 420, height: 900 };

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Serious and critical findings of axe on what is shown, as one line each. */
async function findBarriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const violations = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations)',
  )) as readonly Violation[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/**
 * Keeps pictures of what is shown (light and dark, and on a telephone's width) under test-results/screens, and answers
 * everything about it that would shut somebody out: findings of axe in both themes, content wider than the screen.
 */
export async function lookAt(page: Page, name: string): Promise<readonly string[]> {
  const barriers: string[] = [];
  const keep = async (variant: string): Promise<void> => {
    await page.waitForTimeout(250); // the 180 ms of a sheet or dialog that opens
    await page.screenshot({ path: `${SCREENS}${name}-${variant}.png` });
  };
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await keep(theme);
    barriers.push(...(await findBarriers(page)).map((barrier) => `${name} ${theme}: ${barrier}`));
  }
  await page.setViewportSize(NARROW);
  await keep('420');
  const excess = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
  if (excess > 0) barriers.push(`${name} is ${String(excess)} px wider than a screen of 420 px`);
  await page.setViewportSize(WIDE);
  return barriers;
}
