import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'minio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailPoint } from '../../server/platform/fail-points.ts';
import { createHubClient, Refused, type FileForm, type FileToSend } from '../support/hub-client.ts';
import { createJournal } from '../support/journal.ts';
import { runAtoll, startProgram, type RunningProgram } from '../support/program.ts';
import { describeWithTools } from '../support/require.ts';
import { startS3Server, type S3Server } from '../support/s3.ts';

const BUCKET = 'hub';
const PREFIX = 'team/';
const PART_BYTES = 5 * 1024 * 1024;

/** Each form in which bytes are kept; the first is large enough for a pack. */
const FILES: readonly FileToSend[] = [
  { path: 'packed.txt', bytes: randomBytes(1_100_000), form: 'inline' },
  { path: 'small/a.txt', bytes: randomBytes(100), form: 'inline' },
  { path: 'by-lfs.bin', bytes: randomBytes(300_000), form: 'lfs' },
  { path: 'in-parts.bin', bytes: randomBytes(2 * PART_BYTES + 7), form: 'parts' },
  { path: 'by-xet.bin', bytes: randomBytes(700_000), form: 'xet' },
];

describeWithTools('the program on an S3 server', ['versitygw', 'git'], ({ versitygw, git }) => {
  const scratch = mkdtempSync(join(tmpdir(), 'atoll-on-s3-'));
  const dataDir = join(scratch, 'data');
  const journal = createJournal();
  let s3: S3Server;
  let token = '';
  let hub: RunningProgram | undefined;

  const environment = () => ({
    ATOLL_STORAGE_KIND: 's3',
    ATOLL_STORAGE_S3_ENDPOINT: s3.endpoint,
    ATOLL_STORAGE_S3_REGION: s3.region,
    ATOLL_STORAGE_S3_BUCKET: BUCKET,
    ATOLL_STORAGE_S3_PREFIX: PREFIX,
    ATOLL_STORAGE_S3_ACCESS_KEY_ID: s3.accessKeyId,
    ATOLL_STORAGE_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    ATOLL_LIMITS_PART_SIZE: '5MiB',
    ATOLL_DATA_DIR: dataDir,
  });

  async function ask(...command: readonly string[]): Promise<unknown> {
    const { code, stdout, stderr } = await runAtoll([...command, '--json'], { env: environment() });
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as unknown;
  }

  async function start(plan?: string) {
    const env = { ...environment(), ...(plan === undefined ? {} : { ATOLL_FAIL: plan }) };
    hub = await startProgram(['--port', '0', '--host', '127.0.0.1'], { env });
    return { program: hub, client: createHubClient({ url: hub.url, token }) };
  }

  /** Keys in the bucket, as a client that is not ours sees them. */
  async function storedKeys(): Promise<readonly string[]> {
    const { hostname, port } = new URL(s3.endpoint);
    const { region, accessKeyId: accessKey, secretAccessKey: secretKey } = s3;
    const minio = new Client({
      endPoint: hostname,
      port: Number(port),
      useSSL: false,
      region,
      accessKey,
      secretKey,
    });
    const keys: string[] = [];
    for await (const item of minio.listObjectsV2(BUCKET, '', true)) {
      keys.push((item as { readonly name: string }).name);
    }
    return keys;
  }

  beforeAll(async () => {
    s3 = await startS3Server(versitygw);
    await ask('user', 'create', 'ada', '--without-password');
    token = ((await ask('token', 'create', 'ada', '--name', 'ci')) as { readonly secret: string }).secret;
  });
  afterAll(async () => {
    await hub?.end('SIGKILL');
    await s3.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  test('keeps every kind of bytes in the bucket, and gives them back after a restart', async () => {
    const first = await start();
    journal.planRepo('model');
    await first.client.createRepo('model');
    journal.acknowledgeRepo('model');
    for (const file of FILES) {
      const entry = journal.plan('model', { title: file.path, files: [file] });
      await first.client.upload('model', file);
      journal.acknowledge(entry, await first.client.commit('model', entry.commit));
    }
    await journal.check(first.client, { withBytes: true });
    expect(await ask('doctor', '--full')).toMatchObject({ problems: [] });
    first.client.close();
    expect((await first.program.end('SIGTERM')).code).toBe(0);

    const keys = await storedKeys();
    expect(keys.every((key) => key.startsWith(PREFIX))).toBe(true);
    expect(new Set(keys.map((key) => key.split('/')[1]))).toEqual(new Set(['packs', 'large', 'xorbs']));
    expect(existsSync(join(dataDir, 'storage'))).toBe(false);

    const second = await start();
    await journal.check(second.client, { withBytes: true });
    const [, , byLfs] = FILES;
    const ranged = await fetch(`${second.program.url}/ada/model/resolve/main/by-lfs.bin`, {
      headers: { range: 'bytes=1000-1999' },
    });
    expect(ranged.status).toBe(206);
    expect(Buffer.from(await ranged.arrayBuffer())).toEqual(byLfs?.bytes.subarray(1000, 2000));
    second.client.close();
    await second.program.end('SIGTERM');
    expect(await ask('doctor', '--full')).toMatchObject({ problems: [] });
    const folder = join(scratch, 'model.git');
    await ask('repo', 'export', 'ada/model', folder);
    execFileSync(git, ['-C', folder, 'fsck', '--strict', '--full'], { stdio: 'pipe' });
  });

  const places: readonly (readonly [FailPoint, FileForm, number])[] = [
    ['pack-stored', 'inline', 1_100_000],
    ['pack-indexed', 'inline', 1_100_000],
    ['large-object-stored', 'lfs', 200_000],
    ['part-stored', 'parts', PART_BYTES + 1],
    ['xorb-stored', 'xet', 200_000],
    ['xorb-indexed', 'xet', 200_000],
    ['shard-keeping', 'xet', 200_000],
    ['refs-moving', 'inline', 1_100_000],
    ['refs-moved', 'inline', 1_100_000],
  ];
  test.each(places)('loses nothing when it is killed at %s', async (point, form, size) => {
    const killed = await start(`${point}:1:crash`);
    const file = { path: `${point}.txt`, bytes: randomBytes(size), form };
    const entry = journal.plan('model', { title: point, files: [file] });
    const sending = killed.client
      .upload('model', file)
      .then(() => killed.client.commit('model', entry.commit));
    await expect(sending).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await killed.program.ended).code).toBeNull();
    killed.client.close();
    expect(await ask('doctor', '--full')).toMatchObject({ problems: [] });

    const { program, client } = await start();
    await journal.check(client);
    await client.upload('model', file);
    journal.acknowledge(entry, await client.commit('model', entry.commit));
    await journal.check(client);
    client.close();
    await program.end('SIGTERM');
  });

  test('says so while the server is away, and still serves what it needs no bucket for', async () => {
    const { program, client } = await start();
    await s3.stop();
    const large = { path: 'lost.bin', bytes: randomBytes(100_000), form: 'lfs' } as const;
    const refusal = await client.upload('model', large).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect((refusal as Refused).status).toBe(503);
    await expect
      .poll(async () => (await fetch(`${program.url}/readyz`)).status, { timeout: 30_000 })
      .toBe(503);
    const small = { path: 'small/b.txt', bytes: randomBytes(100), form: 'inline' } as const;
    expect(await client.commit('model', { title: 'while it is away', files: [small] })).toMatch(
      /^[0-9a-f]{40}$/,
    );
    client.close();
    const ended = program.end('SIGTERM');
    expect(await Promise.race([ended, delay(30_000)])).toMatchObject({ code: 0 });
  });
});
