import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

/* Uploads of folders whose client is killed in the middle, and that are begun again. */

const SEND = fileURLToPath(new URL('python/send.py', import.meta.url));
const MIB = 1024 * 1024;

let hub: HubProgram;
beforeAll(async () => {
  hub = await startHubProgram();
  return () => hub[Symbol.asyncDispose]();
});

const get = (path: string): Promise<Response> =>
  fetch(`${hub.url}${path}`, { headers: { authorization: `Bearer ${hub.tokens.ada}` } });

async function writeFiles(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (let number = 0; number < 120; number += 1)
    files.set(`text/${number}.txt`, Buffer.from(`file ${number}\n`));
  for (let number = 0; number < 6; number += 1) files.set(`large/${number}.bin`, randomBytes(8 * MIB));
  await mkdir(join(folder, 'text'), { recursive: true });
  await mkdir(join(folder, 'large'));
  for (const [path, content] of files) await writeFile(join(folder, path), content);
  return files;
}

for (const [lane, call] of [
  ['hub-2.4.0', 'folder'],
  ['hub-1.33.0', 'large-folder'],
  ['hub-0.36.2', 'large-folder'],
] as const) {
  describeWithTools(`${call} of ${lane}`, [`py/${lane}`], (tools) => {
    test('ends right when its process was killed again and again, and nothing is there twice', async () => {
      const repo = `ada/killed-${call}-${lane}`;
      const work = join(hub.scratch, `${call}-${lane}`);
      const source = join(work, 'source');
      const home = join(work, 'home');
      await mkdir(home, { recursive: true });
      const files = await writeFiles(source);

      const start = (): { readonly child: ChildProcess; readonly ended: Promise<unknown> } => {
        const child = spawn(tools[`py/${lane}`] ?? '', [SEND], {
          env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HF_HUB_DISABLE_PROGRESS_BARS: '1' },
          stdio: ['pipe', 'ignore', 'ignore'],
        });
        child.stdin.end(
          JSON.stringify({ endpoint: hub.url, token: hub.tokens.ada, home, repo, call, source }),
        );
        return { child, ended: new Promise((done) => child.on('close', done)) };
      };
      for (const aliveMs of [900, 1300, 1700, 2200]) {
        const { child, ended } = start();
        await Promise.race([delay(aliveMs), ended]);
        child.kill('SIGKILL');
        await ended;
      }
      expect(await start().ended).toBe(0);

      const tree = (await (await get(`/api/models/${repo}/tree/main?recursive=true&limit=1000`)).json()) as {
        type: string;
        path: string;
      }[];
      const paths = tree.filter(({ type }) => type === 'file').map(({ path }) => path);
      expect(paths.toSorted()).toEqual(['.gitattributes', ...files.keys()].toSorted());
      for (const [path, content] of files) {
        if (!path.endsWith('.bin')) continue;
        const body = Buffer.from(await (await get(`/${repo}/resolve/main/${path}`)).arrayBuffer());
        expect(createHash('sha256').update(body).digest('hex')).toBe(
          createHash('sha256').update(content).digest('hex'),
        );
      }
      const commits = async () =>
        Number((await get(`/api/models/${repo}/commits/main`)).headers.get('x-total-count'));
      const before = await commits();
      expect(await start().ended).toBe(0);
      expect(await commits()).toBe(before);
    });
  });
}

test('the hub is sound', () => expectSoundHub(hub));
