import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  fileLine,
  lfsLine,
  startPeopledHub,
  tokenOf,
  type Person,
  type RepoClient,
  type XetUpload,
} from '../support/scenario.ts';

/* What counts as a download, and what is made of the counts. */

/** Counts are written every two seconds. */
const WRITTEN_MS = 2_600;
const COUNTER = { 'x-hf-download-counter': '1' };
const large = randomBytes(300_000);
const chunked = randomBytes(300_000);

let hub: TestHub;
let upload: XetUpload;
beforeAll(async () => {
  hub = await startPeopledHub();
  upload = await buildXetUpload(chunked);
});
afterAll(() => hub[Symbol.asyncDispose]());

const by = (person: Person, method: string, target: string, body?: unknown): Promise<Answer> =>
  hub.send(method, target, { token: tokenOf(person), ...(body === undefined ? {} : { body }) });

/** A repository with a file of each form. */
async function filled(name: string): Promise<RepoClient> {
  const repo = await createRepo(hub, `owner/${name}`);
  await repo.uploadLfs(large);
  await repo.uploadXet(upload);
  await repo.commit([
    fileLine('config.json', '{}'),
    fileLine('picture.png', 'no picture'),
    lfsLine('large.bin', large),
    lfsLine('xet.bin', chunked),
  ]);
  return repo;
}

async function reconstruct(repo: RepoClient, range?: string): Promise<void> {
  const { cas, token } = await repo.xetToken('read');
  const headers = range === undefined ? {} : { range };
  const answer = await hub.send('GET', `${cas}/v2/reconstructions/${upload.fileHash}`, { token, headers });
  expect(answer.status, answer.text).toBe(200);
}

async function fetchLfs(repo: RepoClient): Promise<void> {
  const { actions } = await repo.batchOne('download', large);
  const href = actions?.['download']?.href.replace(hub.url, '') ?? '';
  expect((await hub.send('GET', href)).body.equals(large)).toBe(true);
}

interface DownloadCase {
  readonly what: string;
  readonly downloads: number;
  readonly files: number;
  fetch(repo: RepoClient): Promise<unknown>;
}

const CASES: readonly DownloadCase[] = [
  {
    what: 'a question about a file and the file',
    ...{ downloads: 1, files: 1 },
    async fetch(repo) {
      await repo.resolve('main', 'config.json', COUNTER, 'HEAD');
      await repo.resolve('main', 'config.json', COUNTER);
    },
  },
  {
    what: 'the same of a large file, by a client that does not say that it downloads',
    ...{ downloads: 1, files: 1 },
    async fetch(repo) {
      await repo.resolve('main', 'large.bin', {}, 'HEAD');
      await repo.resolve('main', 'large.bin');
    },
  },
  {
    what: 'a question about a Xet file, whose chunks are taken elsewhere',
    ...{ downloads: 1, files: 0 },
    fetch: (repo) => repo.resolve('main', 'xet.bin', COUNTER, 'HEAD'),
  },
  {
    what: 'a question about a Xet file and its chunks',
    ...{ downloads: 1, files: 1 },
    async fetch(repo) {
      await repo.resolve('main', 'xet.bin', COUNTER, 'HEAD');
      await reconstruct(repo, 'bytes=0-199999');
      await reconstruct(repo, 'bytes=200000-299999');
    },
  },
  {
    what: 'a question about a Xet file and its bytes, by a client without Xet',
    ...{ downloads: 1, files: 1 },
    async fetch(repo) {
      await repo.resolve('main', 'xet.bin', COUNTER, 'HEAD');
      await repo.resolve('main', 'xet.bin', COUNTER);
    },
  },
  {
    what: 'the chunks of a Xet file that a listing told of',
    ...{ downloads: 1, files: 1 },
    fetch: (repo) => reconstruct(repo),
  },
  {
    what: 'a question about a Xet file by nobody who downloads',
    ...{ downloads: 0, files: 0 },
    fetch: (repo) => repo.resolve('main', 'xet.bin', {}, 'HEAD'),
  },
  {
    what: 'calls of the API that belong to a download',
    ...{ downloads: 0, files: 0 },
    async fetch(repo) {
      for (const call of ['revision/main', 'tree/main?recursive=true', 'xet-read-token/main'])
        expect((await repo.api('GET', call, { headers: COUNTER })).status).toBe(200);
    },
  },
  {
    what: 'a file in many ranges, several at once',
    ...{ downloads: 1, files: 1 },
    fetch: (repo) =>
      Promise.all(
        Array.from({ length: 30 }, (_, at) =>
          repo.resolve('main', 'large.bin', {
            ...COUNTER,
            range: `bytes=${at * 10_000}-${at * 10_000 + 9_999}`,
          }),
        ),
      ),
  },
  {
    what: 'the end of a file',
    ...{ downloads: 1, files: 0 },
    fetch: (repo) => repo.resolve('main', 'large.bin', { range: 'bytes=-100' }),
  },
  {
    what: 'the first byte, which tells the size',
    ...{ downloads: 0, files: 0 },
    fetch: (repo) => repo.resolve('main', 'large.bin', { range: 'bytes=0-0' }),
  },
  {
    what: 'what is not sent',
    ...{ downloads: 0, files: 0 },
    async fetch(repo) {
      const { headers } = await repo.resolve('main', 'config.json', {}, 'HEAD');
      const fresh = await repo.resolve('main', 'config.json', { 'if-none-match': String(headers['etag']) });
      expect(fresh.status).toBe(304);
      expect((await repo.resolve('main', 'absent', COUNTER)).status).toBe(404);
      expect((await repo.resolve('main', 'large.bin', { range: 'bytes=900000-' })).status).toBe(416);
    },
  },
  {
    what: 'what a page shows',
    ...{ downloads: 0, files: 0 },
    async fetch(repo) {
      await repo.resolve('main', 'config.json', { 'x-hf-download-counter': '0' });
      await repo.resolve('main', 'picture.png', { 'sec-fetch-dest': 'image' });
      await repo.resolve('main', 'picture.png', { accept: 'image/avif,image/webp,*/*;q=0.8' });
    },
  },
  {
    what: 'a link in a browser',
    ...{ downloads: 1, files: 1 },
    fetch: (repo) =>
      repo.resolve('main', 'config.json?download=true', {
        'sec-fetch-dest': 'document',
        accept: 'text/html,application/xhtml+xml,image/avif,*/*;q=0.8',
      }),
  },
  {
    what: 'several files',
    ...{ downloads: 1, files: 3 },
    async fetch(repo) {
      for (const path of ['config.json', 'large.bin', 'xet.bin']) await repo.resolve('main', path, COUNTER);
    },
  },
  {
    what: 'one file three times',
    ...{ downloads: 3, files: 3 },
    async fetch(repo) {
      for (let time = 0; time < 3; time++) await repo.resolve('main', 'config.json', COUNTER);
    },
  },
  {
    what: 'objects by git-lfs',
    ...{ downloads: 1, files: 2 },
    async fetch(repo) {
      await fetchLfs(repo);
      await fetchLfs(repo);
    },
  },
  {
    what: 'several people and a passer-by',
    ...{ downloads: 4, files: 4 },
    async fetch(repo) {
      for (const person of ['owner', 'member', 'stranger', 'anonymous'] as const)
        await by(person, 'GET', `/${repo.name}/resolve/main/config.json`);
    },
  },
];

const nameOf = (index: number): string => `case-${index}`;
const statsOf = async (name: string, rest = '') =>
  (await by('owner', 'GET', `/api/models/owner/${name}/stats${rest}`)).json();

describe('downloads', () => {
  beforeAll(async () => {
    for (const [index, one] of CASES.entries()) await one.fetch(await filled(nameOf(index)));
    await delay(WRITTEN_MS);
  }, 60_000);

  test.each(CASES.map((one, index) => ({ ...one, index })))(
    '$what: $downloads',
    async ({ index, downloads, files }) => {
      expect(await statsOf(nameOf(index))).toEqual({ downloads, downloadsAllTime: downloads, likes: 0 });
      const { stats } = await statsOf(nameOf(index), '/recent?days=2');
      const authenticated = nameOf(index) === nameOf(CASES.length - 1) ? 3 : downloads;
      expect(stats).toEqual([
        expect.objectContaining({ downloads: 0, files: 0 }),
        {
          date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string,
          downloads,
          authenticated,
          anonymous: downloads - authenticated,
          files,
        },
      ]);
    },
  );
});

describe('what is made of them', () => {
  interface Trend {
    readonly trending: readonly {
      readonly id: string;
      readonly type: string;
      readonly recent_downloads: number;
    }[];
    readonly period: { readonly start: string; readonly end: string; readonly days: number };
  }
  const trend = async (person: Person, query = ''): Promise<Trend> =>
    (await by(person, 'GET', `/api/trending${query}`)).json<Trend>();

  test('days are told for as long as asked, a year at most', async () => {
    for (const [query, count] of [
      ['', 30],
      ['?days=1', 1],
      ['?days=365', 365],
      ['?days=9999', 365],
    ] as const) {
      const { stats, period } = (await statsOf(nameOf(0), `/recent${query}`)) as {
        stats: { date: string }[];
        period: Trend['period'];
      };
      expect(stats).toHaveLength(count);
      expect(period).toEqual({ start: stats[0]?.date, end: stats.at(-1)?.date, days: count });
    }
    for (const bad of ['days=0', 'days=-1', 'days=x', 'days=1.5', 'days=1&days=2'])
      expect((await by('owner', 'GET', `/api/models/owner/case-0/stats/recent?${bad}`)).status).toBe(400);
  });

  test('a kind with little use has its own list, however much others are used', async () => {
    for (const [name, type, isPrivate] of [
      ['quiet', 'dataset', false],
      ['own', 'space', true],
    ] as const)
      await by('owner', 'POST', '/api/repos/create', { name, type, private: isPrivate });
    await by('stranger', 'POST', '/api/datasets/owner/quiet/like');
    await by('owner', 'POST', '/api/spaces/owner/own/like');
    const shown = (answer: Trend) => answer.trending.map(({ id, type }) => `${type} ${id}`);
    expect(shown(await trend('anonymous', '?repo_type=dataset&limit=1'))).toEqual(['dataset owner/quiet']);
    expect(shown(await trend('anonymous', '?repo_type=space'))).toEqual([]);
    expect(shown(await trend('owner', '?repo_type=space'))).toEqual(['space owner/own']);
    expect(shown(await trend('stranger', '?repo_type=kernel'))).toEqual([]);
    const all = await trend('owner', '?days=90&limit=100');
    expect(all.period.days).toBe(90);
    expect(new Set(shown(all)).size).toBe(all.trending.length);
    // A like is worth ten downloads.
    expect(all.trending.slice(0, 3).map(({ id }) => id)).toEqual([
      'owner/own',
      'owner/quiet',
      'owner/case-17',
    ]);
    expect(all.trending[2]).toMatchObject({ recent_downloads: 4, likes: 0, downloads: 4, private: false });
    for (const bad of ['repo_type=bucket', 'days=0', 'limit=0', 'limit=x', 'days=__proto__'])
      expect((await by('owner', 'GET', `/api/trending?${bad}`)).status).toBe(400);
  });

  test('is forgotten as days go by', async () => {
    hub.advance(31 * 86_400_000);
    await vi.waitFor(
      async () => {
        expect(await statsOf(nameOf(0))).toEqual({ downloads: 0, downloadsAllTime: 1, likes: 0 });
      },
      { timeout: 15_000, interval: 200 },
    );
    expect((await trend('owner')).trending).toEqual([]);
    await by('stranger', 'GET', '/owner/case-0/resolve/main/config.json');
    await delay(WRITTEN_MS);
    expect(await statsOf(nameOf(0))).toMatchObject({ downloads: 1, downloadsAllTime: 2 });
  }, 30_000);
});

test('nothing broke', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
