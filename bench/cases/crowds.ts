import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import type { BenchCase } from '../bench-case.ts';
import { inParallel, memoryOf, peakDuring, secondsOf } from '../measure.ts';
import type { Row } from '../row.ts';

const MIB = 1024 * 1024;
const FILES = 8;
const FILE_BYTES = 16 * MIB;

/** Many readers of large files at once: every byte right, and memory within its bound. */
export const crowds: BenchCase = {
  name: 'crowds',
  isOnFreshHub: true,
  async run({ hub, isQuick }) {
    const { api, port, pid } = hub;
    await api.createRepo('models/ada/crowds');
    const hashes: string[] = [];
    for (let index = 0; index < FILES; index++) {
      const content = randomBytes(FILE_BYTES);
      hashes.push(createHash('sha256').update(content).digest('hex'));
      await api.commit('models/ada/crowds', [
        await api.upload('models/ada/crowds', `f${index}.bin`, content),
      ]);
    }
    const read = async (index: number, agent: Agent): Promise<void> => {
      const path = `/ada/crowds/resolve/main/f${index % FILES}.bin`;
      const call = request({ host: '127.0.0.1', port, path, agent });
      call.end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      const hash = createHash('sha256');
      for await (const bytes of response) hash.update(bytes as Buffer);
      const found = hash.digest('hex');
      if (found !== hashes[index % FILES]) throw new Error(`${path} came as ${found}.`);
    };
    const rows: Row[] = [];
    for (const [readers, most] of isQuick
      ? ([[50, 400]] as const)
      : ([
          [200, 400],
          [1000, 512],
        ] as const)) {
      const agent = new Agent({ maxSockets: readers });
      let seconds = NaN;
      const peak = await peakDuring(pid, async () => {
        seconds = await secondsOf(() => inParallel(readers, readers, (index) => read(index, agent)));
      });
      agent.destroy();
      rows.push({
        name: `peak memory, ${readers} downloads of 16 MB at once`,
        aim: `${most} MB`,
        value: peak,
        unit: 'MB',
        isMet: peak <= most,
        note: `all bytes right, ${((readers * 16) / seconds).toFixed(0)} MB/s hashed by the reader`,
      });
    }
    return rows;
  },
};

/** One commit request of a gigabyte of inline files. */
export const largeCommit: BenchCase = {
  name: 'large-commit',
  async run({ hub, isQuick }) {
    const { api, url, token, pid } = hub;
    await api.createRepo('models/ada/large-commit');
    const files = isQuick ? 25 : 143;
    async function* lines(): AsyncGenerator<string> {
      yield `${JSON.stringify({ key: 'header', value: { summary: 'large' } })}\n`;
      for (let index = 0; index < files; index++) {
        const content = randomBytes(5 * MIB).toString('base64');
        yield `${JSON.stringify({ key: 'file', value: { path: `f${index}.txt`, content, encoding: 'base64' } })}\n`;
      }
    }
    const before = memoryOf(pid).now;
    const send = async (): Promise<void> => {
      const call = request(`${url}/api/models/ada/large-commit/commit/main`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
      });
      for await (const line of lines()) if (!call.write(line)) await once(call, 'drain');
      call.end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      response.resume();
      if (response.statusCode !== 200)
        throw new Error(`The commit was answered with ${response.statusCode}.`);
    };
    const peak = await peakDuring(pid, send);
    const megabytes = Math.round((files * 5 * 4) / 3);
    return [
      {
        name: `memory growth, commit request of ${megabytes} MB`,
        aim: '200 MB',
        value: peak - before,
        unit: 'MB',
        isMet: peak - before <= 200,
      },
    ];
  },
};
