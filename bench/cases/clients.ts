import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findTool } from '../../test/support/tools.ts';
import type { BenchCase } from '../bench-case.ts';
import { askChild, askClient } from '../child-process.ts';
import { startFileServer } from '../file-server.ts';
import type { BenchHub } from '../hub.ts';
import { median } from '../measure.ts';
import { ratioRow, timeRow, type Row } from '../row.ts';

const GATE = 'hub-2.4.0';
const LANES = ['hub-0.36.2', GATE] as const;

function pythonOf(lane: string): string {
  const python = findTool(`py/${lane}`);
  if (python === undefined) throw new Error(`The Python of ${lane} is not there: run .ci/tools.`);
  return python;
}

/** What every job of bench/children/clients.py is told. */
const jobOf = ({ url, token, scratch }: BenchHub, name: string) => ({
  endpoint: url,
  token,
  home: join(scratch, `home-${name}`),
  folder: join(scratch, `folder-${name}`),
});

/** A folder of 600 files sent, and a repository of 622 files fetched, by an old client and by the newest. */
export const folders: BenchCase = {
  name: 'folders',
  async run({ hub, isQuick }) {
    const rows: Row[] = [];
    const rounds = isQuick ? 1 : 3;
    for (const lane of LANES) {
      const python = pythonOf(lane);
      const [sent, fetched]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        const name = `${lane.replaceAll('.', '-')}-${round}`;
        const [small, whole] = [`ada/folder-${name}`, `ada/snapshot-${name}`] as const;
        await hub.api.createRepo(`models/${small}`);
        await hub.api.createRepo(`models/${whole}`);
        const job = jobOf(hub, name);
        sent.push(
          await askClient(python, { ...job, repo: small, first: 'write_small_files', do: 'upload_folder' }),
        );
        await askClient(python, { ...job, repo: whole, first: 'write_snapshot', do: 'upload_folder' });
        const to = { ...job, folder: `${job.folder}-cache`, repo: whole, files: 622 };
        fetched.push(await askClient(python, { ...to, do: 'snapshot' }));
      }
      rows.push(timeRow(`upload_folder of 600 files, ${lane}`, median(sent), { most: 3, unit: 's' }));
      rows.push(timeRow(`snapshot_download of 622 files, ${lane}`, median(fetched), { most: 4, unit: 's' }));
    }
    return rows;
  },
};

/** Bytes of all files below a folder. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** A file of random bytes sent by Xet, an edit of it, and both kinds of chunks given back over plain HTTP. */
export const xetTransfers: BenchCase = {
  name: 'xet-transfers',
  async run({ hub, isQuick }) {
    const { api, port, scratch } = hub;
    const python = pythonOf(GATE);
    const megabytes = isQuick ? 100 : 300;
    const repo = 'ada/xet-transfers';
    await api.createRepo(`models/${repo}`);
    const job = { ...jobOf(hub, 'xet'), repo, megabytes };
    const storage = join(scratch, 'data', 'storage');
    const uploaded = await askClient(python, {
      ...job,
      file: 'noise.bin',
      first: 'write_noise',
      do: 'upload_file',
    });
    const before = await bytesBelow(storage);
    const edited = await askClient(python, {
      ...job,
      file: 'noise.bin',
      first: 'edit_noise',
      do: 'upload_file',
    });
    const moved = ((await bytesBelow(storage)) - before) / 1e6;
    await askClient(python, { ...job, file: 'text.bin', first: 'write_text', do: 'upload_file' });

    const server = await startFileServer(job.folder);
    const [noise, theirs, text]: [number[], number[], number[]] = [[], [], []];
    const get = (from: number, target: string): Promise<number> =>
      askChild<number>('download', {
        port: from,
        request: `GET ${target} HTTP/1.1\r\nhost: 127.0.0.1:${from}\r\nconnection: close\r\n\r\n`,
      });
    try {
      for (let round = 0; round < (isQuick ? 2 : 5); round++) {
        noise.push(await get(port, `/${repo}/resolve/main/noise.bin`));
        theirs.push(await get(server.port, '/noise.bin'));
        text.push(await get(port, `/${repo}/resolve/main/text.bin`));
      }
    } finally {
      await server.end();
    }
    const rate = megabytes / median(text);
    return [
      timeRow(`Xet upload of ${megabytes} MB of random bytes, ${GATE}`, uploaded, {
        most: megabytes / 100,
        unit: 's',
      }),
      {
        name: 'bytes stored for an edit of 1 % of it',
        aim: `${((5 * megabytes) / 300).toFixed(1)} MB`,
        value: moved,
        unit: 'MB',
        isMet: moved <= (5 * megabytes) / 300,
        note: `took ${edited.toFixed(1)} s`,
      },
      ratioRow(`GET of a Xet file of ${megabytes} MB, random bytes`, median(noise), 0.35, {
        name: server.name,
        seconds: median(theirs),
      }),
      {
        name: `GET of a Xet file of ${megabytes} MB, stored as LZ4`,
        aim: '120 MB/s',
        value: rate,
        unit: 'MB/s',
        isMet: rate >= 120,
      },
    ];
  },
};
