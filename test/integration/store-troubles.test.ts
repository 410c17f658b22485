import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { heldBytes } from '../support/held-bytes.ts';
import type { Answer, TestHub } from '../support/hub.ts';
import { describeWithTools } from '../support/require.ts';
import { startS3Server } from '../support/s3.ts';
import {
  buildXetUpload,
  createRepo,
  fileLine,
  lfsLine,
  ndjson,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type CommitLine,
  type RepoClient,
  type XetUpload,
} from '../support/scenario.ts';
import { startStoreProxy, type StoreProxy, type StoreTrouble } from '../support/store-proxy.ts';

/*
 * An S3 server that is slow, fails, breaks off or lies about lengths, under every kind of upload and download: nobody
 * is told of success that is none, or given wrong bytes, and the same request succeeds when the store is well.
 */

const PART = 5 * 1024 * 1024;
const MIB = 1024 * 1024;

const TROUBLES: readonly StoreTrouble[] = [
  { kind: 'slow', ms: 300 },
  { kind: 'refuses' },
  { kind: 'hangs up' },
  { kind: 'breaks off' },
  { kind: 'lies', bytes: -1000 },
  { kind: 'lies', bytes: 70_000 },
];

/** Nobody but the hub itself is blamed. */
const FAULTS_OF_OURS = ['503 Unavailable', '500 CorruptObject'];
const outcomeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;

/** What jobs began to read in the trouble may fail a moment later, and others who wait for the same with it. */
async function onceWell(send: () => Promise<Answer>): Promise<Answer> {
  let answer = await send();
  for (let attempt = 0; attempt < 10 && answer.status >= 500; attempt += 1) {
    await delay(200);
    answer = await send();
  }
  return answer;
}

const named = TROUBLES.map((trouble) => [Object.values(trouble).join(' '), trouble] as const);

describeWithTools('a store in trouble', ['versitygw'], ({ versitygw }) => {
  const cleanup = new AsyncDisposableStack();
  let proxy: StoreProxy;
  let hub: TestHub;
  let repo: RepoClient;
  beforeAll(async () => {
    const s3 = cleanup.use(await startS3Server(versitygw));
    proxy = cleanup.use(await startStoreProxy(s3.endpoint));
    const environment = {
      ATOLL_STORAGE_KIND: 's3',
      ATOLL_STORAGE_S3_ENDPOINT: proxy.endpoint,
      ATOLL_STORAGE_S3_REGION: s3.region,
      ATOLL_STORAGE_S3_BUCKET: 'hub',
      ATOLL_STORAGE_S3_ACCESS_KEY_ID: s3.accessKeyId,
      ATOLL_STORAGE_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    };
    const flags = ['--limits-part-size', '5MiB', '--no-uploads-convert-to-xet'];
    hub = cleanup.use(await startPeopledHub(flags, environment));
    repo = await createRepo(hub, 'owner/troubled');
  });
  afterAll(() => cleanup.disposeAsync());

  const pathOf = (href: string | undefined): string => (href ?? '').replace(hub.url, '');
  const put = (path: string, body: Buffer) => () => hub.send('PUT', path, { body });

  /** Two parts that are stored, or the first of them on its way. */
  async function inParts(large: Buffer) {
    const { actions } = await repo.batchOne('upload', large, ['multipart']);
    const upload = actions?.['upload'];
    const parts = [large.subarray(0, PART), large.subarray(PART)];
    const puts = parts.map((part, index) => put(pathOf(upload?.header?.[`0000${index + 1}`]), part));
    return { puts, complete: pathOf(upload?.href) };
  }

  /** Each makes ready for one request while the store is well. */
  const uploads: Readonly<Record<string, () => Promise<() => Promise<Answer>>>> = {
    commit: () => {
      const path = `${randomBytes(4).toString('hex')}.txt`;
      const body = ndjson([fileLine(path, randomBytes(600_000).toString('hex'))]);
      return Promise.resolve(() => repo.postCommit(body));
    },
    'LFS file': async () => {
      const bytes = randomBytes(400_000);
      const { actions } = await repo.batchOne('upload', bytes);
      return put(pathOf(actions?.['upload']?.href), bytes);
    },
    part: async () => {
      const [first] = (await inParts(randomBytes(PART + 1))).puts;
      if (!first) throw new Error('unreachable');
      return first;
    },
    completion: async () => {
      const large = randomBytes(PART + 300_000);
      const { puts, complete } = await inParts(large);
      const answers = await Promise.all(puts.map((send) => send()));
      const parts = answers.map(({ headers }, index) => ({
        partNumber: index + 1,
        etag: String(headers.etag),
      }));
      const body = Buffer.from(JSON.stringify({ oid: sha256Of(large), parts }));
      const headers = { 'content-type': 'application/vnd.git-lfs+json' };
      return () => hub.send('POST', complete, { body, headers });
    },
    xorb: async () => {
      const { xorb } = await buildXetUpload(randomBytes(300_000));
      const { cas, token } = await repo.xetToken();
      return () => hub.send('POST', `${cas}/v1/xorbs/default/${xorb.hash}`, { token, body: xorb.bytes });
    },
    shard: async () => {
      const { xorb, shard } = await buildXetUpload(randomBytes(300_000));
      const { cas, token } = await repo.xetToken();
      const stored = await hub.send('POST', `${cas}/v1/xorbs/default/${xorb.hash}`, {
        token,
        body: xorb.bytes,
      });
      expect(stored.status, stored.text).toBe(200);
      return () => hub.send('POST', `${cas}/v1/shards`, { token, body: shard });
    },
  };

  describe.each(named)('that %s', (_, trouble) => {
    test.each(Object.entries(uploads))('never loses a %s that was accepted', async (name, prepare) => {
      const send = await prepare();
      proxy.trouble(trouble);
      const sent = send();
      const order: string[] = [];
      const answer = await Promise.all([
        sent.finally(() => order.push('upload')),
        repo.api('GET', 'revision/main').then(({ status }) => order.push(`others ${status}`)),
      ]).then(([first]) => first);
      const met = proxy.trouble(undefined);
      if (trouble.kind === 'slow') {
        expect(order).toEqual(['others 200', 'upload']);
        expect(answer.status, answer.text).toBe(200);
      } else if (answer.status !== 200) {
        expect(FAULTS_OF_OURS, name).toContain(outcomeOf(answer));
      }
      if (trouble.kind === 'slow' || trouble.kind === 'refuses') expect(met).toBeGreaterThan(0);
      const again = await onceWell(send);
      expect(again.status, again.text).toBe(200);
    });

    test('never gives wrong bytes', async () => {
      const [plain, xet, packed] = [randomBytes(2 * MIB), randomBytes(700_000), randomBytes(600_000)];
      const content = packed.toString('hex');
      await repo.uploadLfs(plain);
      await repo.uploadXet(await buildXetUpload(xet));
      const tag = randomBytes(4).toString('hex');
      const files = {
        [`${tag}.bin`]: plain,
        [`${tag}.xet`]: xet,
        [`${tag}.txt`]: Buffer.from(content),
      };
      await repo.commit([
        lfsLine(`${tag}.bin`, plain),
        lfsLine(`${tag}.xet`, xet),
        fileLine(`${tag}.txt`, content),
      ]);
      for (const [path, bytes] of Object.entries(files)) {
        for (const range of [undefined, 'bytes=1000-400000']) {
          const wanted = range === undefined ? bytes : bytes.subarray(1000, 400_001);
          const read = () => repo.resolve('main', path, range === undefined ? {} : { range });
          proxy.trouble(trouble);
          const outcome = await read().then(
            (answer) => {
              if (answer.status >= 400) return outcomeOf(answer);
              return answer.body.equals(wanted) ? 'whole' : 'wrong';
            },
            () => 'broken',
          );
          if (!path.endsWith('.txt')) expect(proxy.trouble(undefined), path).toBeGreaterThan(0);
          proxy.trouble(undefined);
          const clear = trouble.kind === 'slow' ? ['whole'] : ['whole', 'broken', ...FAULTS_OF_OURS];
          expect(clear, `${path} ${String(range)}`).toContain(outcome);
          const healed = await onceWell(read);
          expect(healed.status, healed.text.slice(0, 200)).toBe(range === undefined ? 200 : 206);
          expect(healed.body.equals(wanted), path).toBe(true);
        }
      }
    });
  });

  /** Transfers of a hundred megabytes and more each; made ready while the store is well. */
  const large: Readonly<Record<string, () => Promise<() => Promise<readonly number[]>>>> = {
    'an LFS file': async () => {
      const bytes = randomBytes(128 * MIB);
      const { actions } = await repo.batchOne('upload', bytes);
      return async () => [(await put(pathOf(actions?.['upload']?.href), bytes)()).status];
    },
    // As many at a time as git-lfs sends: a part is held whole until the store has it.
    'parts, eight at a time': async () => {
      const { puts } = await manyParts();
      return async () => {
        const statuses: number[] = [];
        for (let at = 0; at < puts.length; at += 8) {
          const answers = await Promise.all(puts.slice(at, at + 8).map((send) => send()));
          statuses.push(...answers.map(({ status }) => status));
        }
        return statuses;
      };
    },
    'a file put together from parts': async () => {
      const { bytes, puts, complete } = await manyParts();
      const parts: { readonly partNumber: number; readonly etag: string }[] = [];
      for (const [index, send] of puts.entries()) {
        const { status, headers } = await send();
        expect(status).toBe(200);
        parts.push({ partNumber: index + 1, etag: String(headers.etag) });
      }
      const body = Buffer.from(JSON.stringify({ oid: sha256Of(bytes), parts }));
      const headers = { 'content-type': 'application/vnd.git-lfs+json' };
      return async () => [(await hub.send('POST', complete, { body, headers })).status];
    },
    'many xorbs at once': async () => {
      const uploads: XetUpload[] = [];
      for (let count = 0; count < 12; count += 1) uploads.push(await buildXetUpload(randomBytes(10 * MIB)));
      const { cas, token } = await repo.xetToken();
      return () =>
        Promise.all(
          uploads.map(async ({ xorb }) => {
            const path = `${cas}/v1/xorbs/default/${xorb.hash}`;
            return (await hub.send('POST', path, { token, body: xorb.bytes })).status;
          }),
        );
    },
    'a commit of inline files': () => {
      const tag = randomBytes(4).toString('hex');
      const lines = Array.from({ length: 24 }, (_, index) =>
        fileLine(`${tag}/${index}.txt`, randomBytes(4 * MIB)),
      );
      const body = ndjson(lines);
      return Promise.resolve(async () => [(await repo.postCommit(body)).status]);
    },
    'an archive that is read': async () => {
      const files = Array.from({ length: 3 }, () => randomBytes(40 * MIB));
      const lines: CommitLine[] = [];
      const archived = await createRepo(hub, 'owner/archived');
      for (const [index, bytes] of files.entries()) {
        await archived.uploadLfs(bytes);
        lines.push(lfsLine(`${index}.bin`, bytes));
      }
      await archived.commit(lines);
      return async () => {
        const answer = await fetch(`${hub.url}/api/models/${archived.name}/archive/main.tar`, {
          headers: { authorization: `Bearer ${tokenOf('owner') ?? ''}` },
        });
        let length = 0;
        for await (const piece of answer.body ?? []) length += (piece as Uint8Array).byteLength;
        expect(length).toBeGreaterThan(120 * MIB);
        return [answer.status];
      };
    },
  };

  async function manyParts() {
    const bytes = randomBytes(20 * PART);
    const { actions } = await repo.batchOne('upload', bytes, ['multipart']);
    const upload = actions?.['upload'];
    const puts = Array.from({ length: 20 }, (_, index) => {
      const path = pathOf(upload?.header?.[String(index + 1).padStart(5, '0')]);
      return put(path, bytes.subarray(index * PART, (index + 1) * PART));
    });
    return { bytes, puts, complete: pathOf(upload?.href) };
  }

  test.each(Object.entries(large))(
    'that is slow makes nobody hold %s in memory',
    { timeout: 120_000 },
    async (_, prepare) => {
      const send = await prepare();
      proxy.trouble({ kind: 'slow', ms: 300 });
      const before = heldBytes();
      let most = before;
      const timer = setInterval(() => (most = Math.max(most, heldBytes())), 200);
      const statuses = await send();
      clearInterval(timer);
      expect(proxy.trouble(undefined)).toBeGreaterThan(0);
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect((most - before) / MIB).toBeLessThan(80);
    },
  );

  test('leaves nothing wrong behind', async () => {
    expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  });
});
