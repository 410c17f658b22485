import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

const SCRIPT = fileURLToPath(new URL('python/lfs_files.py', import.meta.url));

let hub: HubProgram;
beforeAll(async () => {
  hub = await startHubProgram();
  return () => hub[Symbol.asyncDispose]();
});

describeWithTools('huggingface_hub', ['py/hub-2.4.0'], (tools) => {
  test('lists large files, copies them to another repository and removes them from history', async () => {
    const home = join(hub.scratch, 'home');
    await mkdir(home);
    const child = spawn(tools['py/hub-2.4.0'], [SCRIPT], {
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HF_HUB_DISABLE_PROGRESS_BARS: '1' },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let problems = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (problems += text));
    child.stdin.end(JSON.stringify({ endpoint: hub.url, token: hub.tokens.ada, home }));
    expect(await new Promise((done) => child.on('close', done)), problems).toBe(0);
    await expectSoundHub(hub);
  });
});
