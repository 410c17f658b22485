import { createHash, randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { BenchCase } from '../bench-case.ts';
import { askChild } from '../child-process.ts';
import { startFileServer } from '../file-server.ts';
import type { BenchHub } from '../hub.ts';
import { median, secondsOf } from '../measure.ts';
import { ratioRow } from '../row.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;

/** Random bytes in a file; answers their SHA-256. */
async function writeRandom(path: string, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  async function* blocks(): AsyncGenerator<Buffer> {
    for (let left = sizeBytes; left > 0; left -= 16 * MIB) {
      const block = randomBytes(Math.min(left, 16 * MIB));
      hash.update(block);
      yield block;
    }
  }
  await pipeline(blocks, createWriteStream(path));
  return hash.digest('hex');
}

/** Where the hub wants an object whole. */
async function uploadLink({ api, token }: BenchHub, oid: string, size: number): Promise<string> {
  const response = await api.call('/ada/transfers.git/info/lfs/objects/batch', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.git-lfs+json' },
    body: JSON.stringify({ operation: 'upload', transfers: ['basic'], objects: [{ oid, size }] }),
  });
  const { objects } = (await response.json()) as {
    readonly objects: readonly [{ readonly actions: { readonly upload: { readonly href: string } } }];
  };
  return objects[0].actions.upload.href;
}

async function putFile(href: string, path: string, sizeBytes: number): Promise<void> {
  const put = request(href, { method: 'PUT', headers: { 'content-length': sizeBytes } });
  const answered = once(put, 'response');
  await pipeline(createReadStream(path, { highWaterMark: MIB }), put);
  const [response] = (await answered) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`The upload was answered with ${response.statusCode}.`);
  response.resume();
}

/** PUT and GET of one large file beside hashing and copying it, and beside a file server. */
export const largeTransfers: BenchCase = {
  name: 'large-transfers',
  async run({ hub, isQuick }) {
    const { api, port, scratch } = hub;
    const sizeBytes = (isQuick ? 256 : 1024) * MIB;
    const size = isQuick ? '256 MiB' : '1 GiB';
    const rounds = isQuick ? 2 : 3;
    const folder = join(scratch, 'files');
    await mkdir(folder);
    await api.createRepo('models/ada/transfers');

    const [puts, proofs]: [number[], number[]] = [[], []];
    let oid = '';
    const path = join(folder, 'large.bin');
    for (let round = 0; round < rounds; round++) {
      oid = await writeRandom(path, sizeBytes);
      await run('sync');
      const copy = join(folder, 'copy.bin');
      const prove = async (): Promise<void> => {
        await run('openssl', ['dgst', '-sha256', path]);
        await run('dd', [`if=${path}`, `of=${copy}`, 'bs=1M', 'conv=fsync']);
      };
      proofs.push(await secondsOf(prove));
      await rm(copy);
      await run('sync');
      const href = await uploadLink(hub, oid, sizeBytes);
      puts.push(await secondsOf(() => putFile(href, path, sizeBytes)));
    }
    await api.commit('models/ada/transfers', [
      { key: 'lfsFile', value: { path: 'large.bin', algo: 'sha256', oid, size: sizeBytes } },
    ]);

    const server = await startFileServer(folder);
    const [ours, theirs]: [number[], number[]] = [[], []];
    const get = (from: number, target: string): Promise<number> =>
      askChild<number>('download', {
        port: from,
        request: `GET ${target} HTTP/1.1\r\nhost: 127.0.0.1:${from}\r\nconnection: close\r\n\r\n`,
      });
    try {
      for (let round = 0; round < rounds + 2; round++) {
        ours.push(await get(port, '/ada/transfers/resolve/main/large.bin'));
        theirs.push(await get(server.port, '/large.bin'));
      }
    } finally {
      await server.end();
    }
    return [
      ratioRow(`GET of ${size}, plain`, median(ours), 0.9, { name: server.name, seconds: median(theirs) }),
      ratioRow(`LFS PUT of ${size}, SHA-256 proved`, median(puts), 0.8, {
        name: 'openssl and synced copy',
        seconds: median(proofs),
      }),
    ];
  },
};
