import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

/* What a client that has never seen a file sends of it, when another one sent nearly the same before. */

const MIB = 1024 * 1024;
const SEND = fileURLToPath(new URL('python/send.py', import.meta.url));

let hub: HubProgram;
beforeAll(async () => {
  hub = await startHubProgram();
  return () => hub[Symbol.asyncDispose]();
});

/** Bytes of all xorbs that the hub holds. */
async function xorbBytes(): Promise<number> {
  const folder = join(hub.scratch, 'data/storage/objects/xorbs');
  const names = await readdir(folder, { recursive: true }).catch(() => []);

  const sizes = names
    .filter((name) => /[0-9a-f]{64}$/.test(name))
    .map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((total, size) => total + size, 0);
}

/** Upload bytes with a client that starts from nothing. Answers how many bytes of xorbs came with it. */
async function send(
  python: string,
  person: 'ada' | 'bo',
  repo: string,
  content: Buffer,
  isPrivate = false,
): Promise<number> {
  const work = join(hub.scratch, randomBytes(8).toString('hex'));
  const home = join(work, 'home');
  await mkdir(home, { recursive: true });
  await writeFile(join(work, 'w.bin'), content);
  const before = await xorbBytes();
  const child = spawn(python, [SEND], {
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HF_HUB_DISABLE_PROGRESS_BARS: '1' },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let problems = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (problems += text));
  const facts = { endpoint: hub.url, token: hub.tokens[person], home, repo, private: isPrivate };
  child.stdin.end(JSON.stringify({ ...facts, call: 'file', source: join(work, 'w.bin'), path: 'w.bin' }));
  const code = await new Promise((done) => child.on('close', done));
  expect(code, problems).toBe(0);
  return (await xorbBytes()) - before;
}

async function download(repo: string, token: string): Promise<string> {
  const answer = await fetch(`${hub.url}/${repo}/resolve/main/w.bin`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return createHash('sha256')
    .update(Buffer.from(await answer.arrayBuffer()))
    .digest('hex');
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** The same bytes with one hundredth of them changed, in one place. */
function edited(content: Buffer): Buffer {
  const at = Math.floor(content.length / 3);
  return Buffer.concat([
    content.subarray(0, at),
    randomBytes(Math.floor(content.length / 100)),
    content.subarray(at + Math.floor(content.length / 100)),
  ]);
}

for (const lane of ['hub-2.4.0', 'hub-1.33.0']) {
  describeWithTools(`hf_xet of ${lane}`, [`py/${lane}`], (tools) => {
    const python = tools[`py/${lane}`] ?? '';
    const name = lane.replaceAll('.', '-');

    test('sends little of a file that differs by a hundredth from one it may read', async () => {
      const original = randomBytes(96 * MIB);
      const changed = edited(original);
      expect(await send(python, 'ada', `ada/${name}-first`, original)).toBeGreaterThan(95 * MIB);
      expect(await send(python, 'bo', `bo/${name}-second`, changed)).toBeLessThan(4 * MIB);
      expect(await download(`bo/${name}-second`, hub.tokens.bo)).toBe(sha256(changed));
    });

    test('sends all of it where the other one is hidden from the user', async () => {
      const original = randomBytes(24 * MIB);
      await send(python, 'ada', `ada/${name}-secret`, original, true);
      // Its own xorbs: the chunks are cut the same way, but the changed ones make other xorbs of them.
      expect(await send(python, 'bo', `bo/${name}-guess`, edited(original), true)).toBeGreaterThan(23 * MIB);
      expect(await send(python, 'ada', `ada/${name}-own`, edited(original), true)).toBeLessThan(2 * MIB);
    });
  });
}

test('the hub is sound', () => expectSoundHub(hub));
