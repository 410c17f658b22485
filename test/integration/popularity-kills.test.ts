import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import { beforeAll, expect, test } from 'vitest';
import { useKilledHub } from '../support/killed-hub.ts';

/*
 * The program is killed while people like, change their minds and download. Every like that was acknowledged is there,
 * every counter is the sum of its rows, and of the downloads nothing is lost but the last moments.
 */

const KILLS = 8;
const PEOPLE = Array.from({ length: 12 }, (_, at) => `fan-${10 + at}`);
const REPO = `${PEOPLE[0]}/loved`;
const FILE = `/${REPO}/resolve/main/.gitattributes`;
const LIKE = `/api/models/${REPO}/like`;
/** Counts are written every two seconds. */
const WRITTEN_MS = 2_600;

const tokenOf = (name: string): string => `hf_${name.replaceAll('-', '').padEnd(30, '0')}`;
const { dataDir, start, ask, problems } = useKilledHub('popularity-kills');

const call = (url: string, person: string, method: string, target: string, body?: object) =>
  fetch(url + target, {
    method,
    headers: { authorization: `Bearer ${tokenOf(person)}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

beforeAll(async () => {
  const users = PEOPLE.map((name) => ({
    name,
    tokens: [{ name: 'write', role: 'write', value: tokenOf(name) }],
  }));
  await ask(['apply', '-'], JSON.stringify({ users, organizations: [] }));
  const { url, end } = await start();
  const [owner = ''] = PEOPLE;
  expect((await call(url, owner, 'POST', '/api/repos/create', { name: 'loved' })).status).toBe(200);
  await end('SIGTERM');
});

/** What each person was last told, and whether they asked for something since. */
const told = new Map<string, { liked: boolean; isOpen: boolean }>();

async function likeOnAndOff(url: string, person: string): Promise<void> {
  for (;;) {
    const liked = randomInt(2) === 1;
    const before = told.get(person)?.liked ?? false;
    told.set(person, { liked: before, isOpen: true });
    const answer = await call(url, person, liked ? 'POST' : 'DELETE', LIKE);
    expect(answer.status).toBe(200);
    told.set(person, { liked, isOpen: false });
  }
}

let downloaded = 0;
async function download(url: string, person: string): Promise<void> {
  for (;;) {
    await (await call(url, person, 'GET', FILE)).arrayBuffer();
    downloaded++;
  }
}

function stored() {
  const db = new BetterSqlite3(join(dataDir, 'hub.db'), { readonly: true });
  const row = db
    .prepare(
      `select likes, downloads, downloads_all_time as ever, trending,
        (select count(*) from likes where repository_id = repositories.id) as likers,
        (select coalesce(sum(downloads), 0) from download_days where repository_id = repositories.id) as days
      from repositories`,
    )
    .get() as Readonly<Record<'likes' | 'downloads' | 'ever' | 'trending' | 'likers' | 'days', number>>;
  db.close();
  return row;
}

test('a hub that is killed in a storm of likes and downloads keeps its counters', async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const { url, end } = await start();
    for (const person of PEOPLE) {
      const { liked } = (await (await call(url, person, 'GET', LIKE)).json()) as { liked: boolean };
      const known = told.get(person);
      // What was asked and never answered may have happened or not.
      if (known && !known.isOpen) expect([kill, person, liked]).toEqual([kill, person, known.liked]);
      told.set(person, { liked, isOpen: false });
    }
    const storm = PEOPLE.flatMap((person) => [likeOnAndOff(url, person), download(url, person)]);
    const lost = Promise.allSettled(storm);
    await delay(randomInt(50, 3_000));
    await end('SIGKILL');
    for (const one of await lost)
      if (one.status === 'rejected') expect(String(one.reason)).toMatch(/fetch failed|terminated/);
    const { likes, downloads, ever, trending, likers, days } = stored();
    expect([kill, likes, downloads, ever]).toEqual([kill, likers, days, days]);
    expect(trending).toBe(7 * (10 * likes + downloads));
  }
  expect(downloaded).toBeGreaterThan(100);

  // A hub that is asked to stop writes what it has, and one that goes on does so soon.
  const before = stored().ever;
  const { url, end } = await start();
  const [person = ''] = PEOPLE;
  for (let time = 0; time < 5; time++) await (await call(url, person, 'GET', FILE)).arrayBuffer();
  await delay(WRITTEN_MS);
  expect(stored().ever).toBe(before + 5);
  for (let time = 0; time < 5; time++) await (await call(url, person, 'GET', FILE)).arrayBuffer();
  expect((await end('SIGTERM')).code).toBe(0);
  expect(stored().ever).toBe(before + 10);
  expect(await problems()).toEqual([]);
}, 240_000);
