import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { createHubApi } from '../support/hub-api.ts';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

let hub: HubProgram;
let home: string;
beforeAll(async () => {
  hub = await startHubProgram();
  home = join(hub.scratch, 'home');
  await mkdir(home);
  await writeFile(join(home, '.netrc'), `machine 127.0.0.1 login ada password ${hub.tokens.ada}\n`, {
    mode: 0o600,
  });
  return () => hub[Symbol.asyncDispose]();
});

const CHECKS = 7;

/* The check of servers that git-lfs ships (t/git-lfs-test-server-api): what batch must answer, edge cases included. */
describeWithTools('git-lfs-test-server-api', ['git-lfs-test-server-api', 'git'], (tools) => {
  async function check(...args: readonly string[]): Promise<void> {
    const { stdout } = await promisify(execFile)(tools['git-lfs-test-server-api'], args, {
      cwd: hub.scratch,
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HOME: home, GIT_TERMINAL_PROMPT: '0' },
      // What it finds is in what it prints.
    }).catch((error: unknown) => error as { readonly stdout: string });
    expect(stdout.match(/ OK$/gm), stdout).toHaveLength(CHECKS);
    expect(stdout).toContain('All tests passed');
  }

  test('finds nothing wrong after it uploaded by itself, nor with what it left there', async () => {
    await createHubApi({ url: hub.url, token: hub.tokens.ada }).createRepo('models/ada/checked');
    const target = `--url=${hub.url}/ada/checked.git/info/lfs`;
    const saved = join(hub.scratch, 'saved');
    await check(target, `--save=${saved}`);
    await check(target, `${saved}_exists`, `${saved}_missing`);
  });

  test('finds its way from the address of a clone', async () => {
    await createHubApi({ url: hub.url, token: hub.tokens.ada }).createRepo('datasets/ada/checked');
    await check(`--clone=${hub.url}/datasets/ada/checked`);
    await expectSoundHub(hub);
  });
});
