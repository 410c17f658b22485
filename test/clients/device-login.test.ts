import { join } from 'node:path';
import { beforeAll, test } from 'vitest';
import { startHubProgram, type HubProgram } from '../support/hub-program.ts';
import { expectProvedRoutes } from '../support/proved-routes.ts';
import { testPythonSteps } from '../support/python-steps.ts';
import { describeWithTools } from '../support/require.ts';

/** The gate: the client whose default way to sign in is the browser. */
const LANE = 'hub-2.4.0';
const PASSWORD = 'tidevannstabell';

describeWithTools(`hf auth login: ${LANE}`, [`py/${LANE}`], (tools) => {
  let hub: HubProgram;
  beforeAll(async () => {
    hub = await startHubProgram();
    await hub.command('apply', { text: JSON.stringify({ users: [{ name: 'ada', password: PASSWORD }] }) });
    return () => hub[Symbol.asyncDispose]();
  });
  testPythonSteps(
    {
      name: LANE,
      python: tools[`py/${LANE}`] ?? '',
      script: 'device_login',
      env: {
        ADA_PASSWORD: PASSWORD,
        HF_HUB_DISABLE_TELEMETRY: '1',
        HF_HUB_DISABLE_UPDATE_CHECK: '1',
        NO_PROXY: '127.0.0.1,localhost',
      },
    },
    () => ({ endpoint: hub.url, tokens: hub.tokens, work: join(hub.scratch, 'lane') }),
  );

  test('asked on every route that it is said to prove', () => {
    expectProvedRoutes(hub, ['hf auth login']);
  });
});
