import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, rename } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { CommitOperation, RepoPath } from '../../test/support/hub-api.ts';
import type { BenchCase } from '../bench-case.ts';
import type { BenchHub } from '../hub.ts';
import { exponentOf, inParallel, medianSeconds, secondsOf } from '../measure.ts';
import { timeRow } from '../row.ts';

const CONNECTIONS = 8;
const BATCH = 500;
const CONTENT_BYTES = 1024;

interface SmallObject {
  readonly oid: string;
  readonly content: Buffer;
}

const smallObjects = (count: number): readonly SmallObject[] =>
  Array.from({ length: count }, () => {
    const content = Buffer.alloc(CONTENT_BYTES, randomUUID());
    return { content, oid: createHash('sha256').update(content).digest('hex') };
  });

async function uploadLinks(
  { api, token }: BenchHub,
  repo: RepoPath,
  objects: readonly SmallObject[],
): Promise<readonly string[]> {
  const links: string[] = [];
  for (let at = 0; at < objects.length; at += BATCH) {
    const batch = objects.slice(at, at + BATCH).map(({ oid }) => ({ oid, size: CONTENT_BYTES }));
    const response = await api.call(`/${repo.slice('models/'.length)}.git/info/lfs/objects/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.git-lfs+json' },
      body: JSON.stringify({ operation: 'upload', transfers: ['basic'], objects: batch }),
    });
    const answer = (await response.json()) as {
      readonly objects: readonly { readonly actions: { readonly upload: { readonly href: string } } }[];
    };
    links.push(...answer.objects.map(({ actions }) => actions.upload.href));
  }
  return links;
}

async function put(agent: Agent, href: string, content: Buffer): Promise<void> {
  const call = request(href, { method: 'PUT', agent, headers: { 'content-length': content.length } });
  call.end(content);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`A PUT was answered with ${response.statusCode}.`);
}

/** What durable small files cost without a hub: each written, synced, renamed, and its folder synced. */
async function writeFiles(scratch: string, objects: readonly SmallObject[]): Promise<void> {
  const folder = join(scratch, `plain-${randomUUID()}`);
  await mkdir(folder);
  await inParallel(objects.length, CONNECTIONS, async (index) => {
    const { oid, content } = objects[index] as SmallObject;
    const staged = join(folder, `${oid}.tmp`);
    const file = await open(staged, 'wx');
    await file.write(content);
    await file.sync();
    await file.close();
    await rename(staged, join(folder, oid));
    const entry = await open(folder, 'r');
    await entry.sync();
    await entry.close();
  });
}

const entries = (objects: readonly SmallObject[]): readonly CommitOperation[] =>
  objects.map(({ oid }, index) => ({
    key: 'lfsFile',
    value: {
      path: `part-${Math.floor(index / 1000)}/${index}.bin`,
      algo: 'sha256',
      oid,
      size: CONTENT_BYTES,
    },
  }));

/** Thousands of large files that are small: their uploads, their commit, and the answer that lists them. */
export const largeFiles: BenchCase = {
  name: 'large-files',
  async run({ hub, isQuick }) {
    const { api, scratch } = hub;
    const sizes = isQuick ? [250, 1_000] : [1_250, 2_500, 5_000];
    const [putPoints, commitPoints, infoPoints]: { size: number; cost: number }[][] = [[], [], []];
    let plain = NaN;
    for (const size of sizes) {
      const repo: RepoPath = `models/ada/large-${size}`;
      await api.createRepo(repo);
      const objects = smallObjects(size);
      const links = await uploadLinks(hub, repo, objects);
      const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
      const send = (index: number) =>
        put(agent, links[index] as string, (objects[index] as SmallObject).content);
      putPoints?.push({ size, cost: await secondsOf(() => inParallel(size, CONNECTIONS, send)) });
      agent.destroy();
      plain = await secondsOf(() => writeFiles(scratch, objects));
      commitPoints?.push({ size, cost: await secondsOf(() => api.commit(repo, entries(objects))) });
      const info = async (): Promise<void> => {
        await (await api.call(`/api/${repo}?blobs=true`)).arrayBuffer();
      };
      await info();
      infoPoints?.push({ size, cost: await medianSeconds(7, info) });
    }
    const shown = (sizes.at(-1) ?? 0).toLocaleString('en-US');
    const share = (sizes.at(-1) ?? 0) / 5_000;
    const row = (
      name: string,
      points: readonly { size: number; cost: number }[] = [],
      aim: { most: number; unit: 's' | 'ms' },
      more: { yardstick?: { name: string; seconds: number } } = {},
    ) =>
      timeRow(
        name,
        points.at(-1)?.cost ?? NaN,
        { ...aim, most: aim.most * share },
        { ...more, exponent: exponentOf(points) },
      );
    return [
      row(
        `${shown} small LFS PUTs, ${CONNECTIONS} connections`,
        putPoints,
        { most: 10, unit: 's' },
        {
          yardstick: { name: 'the same files, synced', seconds: plain },
        },
      ),
      row(`commit of ${shown} LFS entries`, commitPoints, { most: 1.2, unit: 's' }),
      row(`model_info with blobs, ${shown} LFS files`, infoPoints, { most: 60, unit: 'ms' }),
    ];
  },
};
