import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { uploadBothForms } from '../support/large-file-forms.ts';
import type { LargeFileFact } from '../support/large-file-forms.ts';
import { expectProvedRoutes } from '../support/proved-routes.ts';
import { testPythonSteps } from '../support/python-steps.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

/** Client eras by lane of `.ci/tools`, as section 4 of the design names them. */
const ERAS: readonly {
  readonly lane: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Under which name the client reaches the hub. */
  readonly host?: string;
}[] = [
  { lane: 'hub-2.4.0' },
  { lane: 'hub-2.4.0', env: { HF_HUB_DISABLE_XET: '1' } },
  { lane: 'hub-2.4.0', env: { HF_XET_CLIENT_LEGACY_DIRECT_XORB_UPLOAD: '1' } },
  { lane: 'hub-2.0.0', host: 'localhost' },
  { lane: 'hub-1.33.0' },
  { lane: 'hub-1.19.0' },
  { lane: 'hub-1.19.0-plain' },
  { lane: 'hub-0.36.2' },
  { lane: 'hub-0.36.2-plain' },
];

let hub: HubProgram;
let largeFiles: readonly LargeFileFact[];

beforeAll(async () => {
  // The smallest parts there can be, so that files of some MB have several; and forms stay as they were sent.
  hub = await startHubProgram(['--limits-part-size', '5 MiB', '--no-uploads-convert-to-xet']);
  largeFiles = await uploadBothForms(hub);
  return () => hub[Symbol.asyncDispose]();
});

for (const [index, { lane, env = {}, host = '127.0.0.1' }] of ERAS.entries()) {
  const name = [lane, ...Object.keys(env)].join(' with ');
  describeWithTools(`huggingface_hub: ${name}`, [`py/${lane}`], (tools) => {
    testPythonSteps(
      {
        name,
        python: tools[`py/${lane}`] ?? '',
        script: 'hub',
        env: {
          ...env,
          // The first era reports its use as clients do by default: the hub must bear it.
          ...(index === 0 ? {} : { HF_HUB_DISABLE_TELEMETRY: '1' }),
          HF_HUB_DISABLE_UPDATE_CHECK: '1',
          HF_HUB_DISABLE_PROGRESS_BARS: '1',
          NO_PROXY: '127.0.0.1,localhost',
        },
      },
      () => ({
        endpoint: hub.url.replace('127.0.0.1', host),
        tokens: hub.tokens,
        largeFiles,
        work: join(hub.scratch, `lane-${index}`),
      }),
    );
  });
}

describe('the hub after all of them', () => {
  test('was asked on every route that they are said to prove', () => {
    expectProvedRoutes(hub, ['huggingface_hub', 'hf', 'hf_xet']);
  });

  test('is sound: native git and doctor accept what they left', async () => {
    expect(await expectSoundHub(hub)).toBeGreaterThan(2);
  });
});
