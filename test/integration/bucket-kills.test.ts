import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { openDoor, type Answer, type HubDoor } from '../support/hub.ts';
import { useKilledHub } from '../support/killed-hub.ts';
import { buildXetUpload, DESCRIPTION, sha256Of, tokenOf } from '../support/scenario.ts';

/*
 * The program is killed around the transaction of a batch of bucket changes, and at any moment of many of them: a batch
 * that was answered is there, one that was not is there whole or not at all, and asked for again it is answered.
 */

const { start: startProgram, end, ended, ask, problems } = useKilledHub('bucket-kills');
const start = async (plan?: string): Promise<HubDoor> => openDoor((await startProgram(plan)).url);
const expectHealthy = async (): Promise<void> => expect(await problems()).toEqual([]);

const token = tokenOf('owner');
const BUCKET = 'owner/kept';

beforeAll(async () => {
  await ask(['apply', '-'], JSON.stringify(DESCRIPTION));
  const door = await start();
  const made = await door.send('POST', `/api/buckets/${BUCKET}`, { token, body: {} });
  expect(made.status).toBe(200);
  await end('SIGTERM');
});

interface Content {
  readonly bytes: Buffer;
  readonly xetHash: string;
}

async function upload(door: HubDoor): Promise<Content> {
  const bytes = randomBytes(70_000);
  const { xorb, shard, fileHash } = await buildXetUpload(bytes);
  const answer = await door.send('GET', `/api/buckets/${BUCKET}/xet-write-token`, { token });
  const { casUrl, accessToken } = answer.json<{ casUrl: string; accessToken: string }>();
  const cas = new URL(casUrl).pathname;
  for (const [path, body] of [
    [`${cas}/v1/xorbs/default/${xorb.hash}`, xorb.bytes],
    [`${cas}/v1/shards`, shard],
  ] as const) {
    const kept = await door.send('POST', path, { token: accessToken, body });
    expect(kept.status, kept.text).toBe(200);
  }
  return { bytes, xetHash: fileHash };
}

/** What a batch makes of the files; undefined deletes. */
type Batch = ReadonlyMap<string, Content | undefined>;

const send = (door: HubDoor, batch: Batch): Promise<Answer> => {
  const lines = [...batch].map(([path, content]) =>
    content ? { type: 'addFile', path, xetHash: content.xetHash } : { type: 'deleteFile', path },
  );
  return door.send('POST', `/api/buckets/${BUCKET}/batch`, {
    token,
    headers: { 'content-type': 'application/x-ndjson' },
    body: Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
  });
};

/** Path and content of every file that there is. */
async function listed(door: HubDoor): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  let next: string | undefined = `/api/buckets/${BUCKET}/tree?recursive=true`;
  while (next !== undefined) {
    const answer: Answer = await door.send('GET', next, { token });
    expect(answer.status, answer.text).toBe(200);
    const files = answer.json<readonly { readonly path: string; readonly xetHash: string }[]>();
    found.push(...files.map(({ path, xetHash }) => [path, xetHash] as [string, string]));
    next = /<https?:\/\/[^/]+([^>]+)>; rel="next"/.exec(String(answer.headers.link))?.[1];
  }
  return Object.fromEntries(found);
}

/** What answered batches made of the bucket. */
const acknowledged = new Map<string, Content>();

function apply(batch: Batch, to: Map<string, Content>): void {
  for (const [path, content] of batch) {
    if (content) to.set(path, content);
    else to.delete(path);
  }
}

const hashesOf = (files: ReadonlyMap<string, Content>): Record<string, string> =>
  Object.fromEntries([...files].map(([path, { xetHash }]) => [path, xetHash]));

/** Is there what was answered, with this batch, that was not, whole or not at all? Answers whether it is there. */
async function expectWholeOrNothing(door: HubDoor, batch: Batch): Promise<boolean> {
  const withIt = new Map(acknowledged);
  apply(batch, withIt);
  const files = await listed(door);
  const [before, after] = [hashesOf(acknowledged), hashesOf(withIt)];
  expect([before, after]).toContainEqual(files);
  const info = await door.send('GET', `/api/buckets/${BUCKET}`, { token });
  expect(info.json()).toMatchObject({ totalFiles: Object.keys(files).length });
  return Object.keys({ ...after, ...files }).every((path) => files[path] === after[path]);
}

async function sendAgain(door: HubDoor, batch: Batch): Promise<void> {
  const answer = await send(door, batch);
  expect(answer.json(), answer.text).toMatchObject({ success: true, processed: batch.size });
  apply(batch, acknowledged);
  expect(await listed(door)).toEqual(hashesOf(acknowledged));
}

const CASES = [
  { point: 'bucket-changing', isThere: false },
  { point: 'bucket-changed', isThere: true },
] as const;

test.each(CASES)('a kill at $point leaves a batch whole: made is $isThere', async ({ point, isThere }) => {
  let door = await start();
  const [first, second] = [await upload(door), await upload(door)];
  await sendAgain(door, new Map(['gone', 'stays', 'new'].map((path) => [`${point}/${path}`, first])));
  await end('SIGTERM');

  const batch: Batch = new Map([
    [`${point}/gone`, undefined],
    [`${point}/new`, second],
    ...Array.from({ length: 300 }, (_, index) => [`${point}/many/${index}`, second] as const),
  ]);
  door = await start(`${point}:1:crash`);
  await expect(send(door, batch)).rejects.toThrow();
  expect((await ended()).code).toBeNull();
  await expectHealthy();

  door = await start();
  expect(await expectWholeOrNothing(door, batch)).toBe(isThere);
  await sendAgain(door, batch);
  expect((await end('SIGTERM')).code).toBe(0);
  await expectHealthy();
});

const KILLS = 8;

test('kills at any moment of many batches lose nothing that was answered', { timeout: 240_000 }, async () => {
  let number = 0;
  let unanswered: Batch = new Map();
  let interrupted = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const door = await start();
    await expectWholeOrNothing(door, unanswered);
    if (unanswered.size > 0) await sendAgain(door, unanswered);
    const contents = [await upload(door), await upload(door)];

    const batches = (async () => {
      for (;;) {
        number += 1;
        const batch = new Map<string, Content | undefined>();
        for (let file = 0; file < 200; file += 1) {
          const path = `any/${(number * 7 + file) % 1000}`;
          batch.set(path, file % 5 === 0 ? undefined : contents[(number + file) % 2]);
        }
        unanswered = batch;
        const answer = await send(door, batch);
        expect(answer.json(), answer.text).toMatchObject({ success: true });
        apply(batch, acknowledged);
        unanswered = new Map();
      }
    })();
    const lost = expect(batches).rejects.toThrow(/ECONN|socket hang up|EPIPE|closed/);
    await delay(randomInt(20, 250));
    await end('SIGKILL');
    await lost;
    if (unanswered.size > 0) interrupted += 1;
    await expectHealthy();
  }
  expect(interrupted).toBeGreaterThan(0);

  const door = await start();
  await expectWholeOrNothing(door, unanswered);
  if (unanswered.size > 0) await sendAgain(door, unanswered);
  const contents = new Map([...acknowledged.values()].map((content) => [content.xetHash, content]));
  const paths = new Map([...acknowledged].map(([path, { xetHash }]) => [xetHash, path]));
  for (const [xetHash, path] of paths) {
    const answer = await door.send('GET', `/buckets/${BUCKET}/resolve/${path}`, { token });
    expect(sha256Of(answer.body)).toBe(sha256Of(contents.get(xetHash)?.bytes ?? Buffer.of()));
  }
  expect((await end('SIGTERM')).code).toBe(0);
  await expectHealthy();
});
