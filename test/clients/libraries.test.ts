import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { expectProvedRoutes } from '../support/proved-routes.ts';
import { testPythonSteps } from '../support/python-steps.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

describeWithTools('transformers, datasets and diffusers', ['py/stack'], (tools) => {
  let hub: HubProgram;
  beforeAll(async () => {
    hub = await startHubProgram();
    return () => hub[Symbol.asyncDispose]();
  });

  testPythonSteps(
    {
      name: 'stack',
      python: tools['py/stack'],
      script: 'libraries',
      env: {
        HF_HUB_DISABLE_TELEMETRY: '1',
        HF_HUB_DISABLE_PROGRESS_BARS: '1',
        NO_PROXY: '127.0.0.1,localhost',
      },
    },
    () => ({ endpoint: hub.url, tokens: hub.tokens, work: join(hub.scratch, 'stack') }),
  );

  test('asked on every route that they are said to prove', () => {
    expectProvedRoutes(hub, ['datasets', 'transformers', 'diffusers']);
  });

  test('leave a sound hub', async () => {
    expect(await expectSoundHub(hub)).toBeGreaterThan(5);
  });
});
