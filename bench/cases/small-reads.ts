import { file } from '../../test/support/hub-api.ts';
import type { BenchCase } from '../bench-case.ts';
import { askChild, startServerChild } from '../child-process.ts';
import { median } from '../measure.ts';
import { rateRow, type Row } from '../row.ts';

const CONNECTIONS = 16;
const PATH = '/ada/reads/resolve/main/config.json';
/** Headers that belong to the connection, not to the answer. */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'date', 'transfer-encoding']);

/** HEAD and small GET of `resolve` beside an Express app that gives the same headers and bytes. */
export const smallReads: BenchCase = {
  name: 'small-reads',
  async run({ hub, isQuick }) {
    const { api, port } = hub;
    await api.createRepo('models/ada/reads');
    await api.commit('models/ada/reads', [file('config.json', JSON.stringify({ text: 'x'.repeat(700) }))]);
    const answer = await api.call(PATH);
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !OF_CONNECTION.has(name)));
    const body = Buffer.from(await answer.arrayBuffer()).toString('base64');
    const express = await startServerChild({ kind: 'express', headers, body });

    const rounds = isQuick ? 2 : 5;
    const seconds = isQuick ? 1.5 : 3;
    const rateOf = async (method: string, at: number): Promise<number> => {
      const request = `${method} ${PATH} HTTP/1.1\r\nhost: 127.0.0.1:${at}\r\nuser-agent: bench\r\naccept: */*\r\n\r\n`;
      const load = { port: at, request, connections: CONNECTIONS, seconds };
      return (await askChild<{ perSecond: number }>('load', load)).perSecond;
    };
    const rows: Row[] = [];
    try {
      for (const method of ['HEAD', 'GET']) {
        await rateOf(method, port);
        await rateOf(method, express.port);
        const [ours, theirs]: [number[], number[]] = [[], []];
        for (let round = 0; round < rounds; round++) {
          ours.push(await rateOf(method, port));
          theirs.push(await rateOf(method, express.port));
        }
        const yardstick = { name: 'bare Express', rate: median(theirs) };
        rows.push(rateRow(`${method} resolve, ${CONNECTIONS} connections`, median(ours), 0.5, yardstick));
      }
    } finally {
      await express.end();
    }
    return rows;
  },
};
