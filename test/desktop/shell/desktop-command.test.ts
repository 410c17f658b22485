import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { makeStandInDist } from '../../support/electron-stand-in/make-dist.ts';
import { runApp, startApp, until } from '../../support/electron-stand-in/start-app.ts';
import { describeWithTools } from '../../support/require.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const command = [process.execPath, join(root, 'bin/desktop.js')];
const scratch = mkdtempSync(join(tmpdir(), 'atoll-desktop-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('says in one sentence what is missing on a machine without Electron', async () => {
  const { code, output } = await runApp(command, { ELECTRON_OVERRIDE_DIST_PATH: join(scratch, 'nothing') });
  expect(code).toBe(1);
  expect(output.trim().split('\n')).toHaveLength(1);
  expect(output).toContain('npx install-electron');
});

describeWithTools('npm run desktop', ['chromium'], () => {
  test('opens the app from the checkout, and ends with it', async () => {
    makeStandInDist(join(scratch, 'electron'), '45.4.1');
    const app = await startApp({
      command: [...command, '--port', '0'],
      dataDir: join(scratch, 'data'),
      env: { ELECTRON_OVERRIDE_DIST_PATH: join(scratch, 'electron') },
    });
    try {
      await until(() => app.page.url().includes('/setup?secret='), 'the setup');
      await app.clickTray('Quit (stops the hub)');
      expect(await app.exited).toBe(0);
    } finally {
      await app[Symbol.asyncDispose]();
    }
  });
});
