import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { git } from '../support/git-client.ts';
import type { TestHub } from '../support/hub.ts';
import { createRepo, fileLine, startPeopledHub, type RepoClient } from '../support/scenario.ts';

let hub: TestHub;
let folder: string;
let repo: RepoClient;
beforeAll(async () => {
  hub = await startPeopledHub();
  folder = mkdtempSync(join(tmpdir(), 'atoll-fetch-'));
  repo = await createRepo(hub, 'owner/m1');
  for (let n = 0; n < 6; n++)
    await repo.commit([fileLine(`d${n % 2}/f${n}.txt`, `text ${n}\n`)], { summary: `commit ${n}` });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await hub[Symbol.asyncDispose]();
});

describe.each([0, 1, 2])('protocol %i', (version) => {
  test('clone', async () => {
    const target = `clone-${version}`;
    await git(folder, [
      '-c',
      `protocol.version=${version}`,
      'clone',
      '--progress',
      `${hub.url}/owner/m1`,
      target,
    ]);
    expect(await git(join(folder, target), ['rev-parse', 'HEAD'])).toBe(await repo.head());
    await git(join(folder, target), ['fsck', '--strict']);
  });
});
