import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import { createRepo, fileLine, ndjson, repoClient, startPeopledHub, tokenOf } from '../support/scenario.ts';

/*
 * Two people, and fifty, do to one repository what excludes each other. Whatever comes first, the outcome is one that
 * some order of the requests has, each answer is a clean one, and doctor is content.
 */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(async () => {
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  expect(hub.loggedErrors()).toEqual([]);
  await hub[Symbol.asyncDispose]();
});

const token = tokenOf('lab-admin');
const send = (method: string, path: string, body: unknown): Promise<Answer> =>
  hub.send(method, path, { token, body });

/** What can happen to `lab/<name>`; each may be refused only with one of its own statuses. */
const ACTIONS: Readonly<
  Record<string, { readonly run: (name: string) => Promise<Answer>; readonly allowed: readonly number[] }>
> = {
  create: {
    run: (name) => send('POST', '/api/repos/create', { name, organization: 'lab' }),
    allowed: [200, 409],
  },
  'move away': {
    run: (name) => send('POST', '/api/repos/move', { fromRepo: `lab/${name}`, toRepo: `lab/${name}-moved` }),
    allowed: [200, 404, 409],
  },
  'move elsewhere': {
    run: (name) => send('POST', '/api/repos/move', { fromRepo: `lab/${name}`, toRepo: `lab-admin/${name}` }),
    allowed: [200, 404, 409],
  },
  delete: {
    run: (name) => send('DELETE', '/api/repos/delete', { name, organization: 'lab' }),
    allowed: [200, 404],
  },
  hide: {
    run: (name) => send('PUT', `/api/models/lab/${name}/settings`, { private: true }),
    allowed: [200, 307, 404],
  },
  archive: {
    run: (name) => send('PUT', `/api/models/lab/${name}/settings`, { archived: true }),
    allowed: [200, 307, 404],
  },
  duplicate: {
    run: (name) => send('POST', `/api/models/lab/${name}/duplicate`, { repository: `lab/${name}-copy` }),
    allowed: [200, 307, 404, 409],
  },
  commit: {
    run: (name) => repoClient(hub, `lab/${name}`, 'lab-admin').postCommit(ndjson([fileLine('a', name)])),
    allowed: [200, 307, 403, 404, 409],
  },
};

const NAMES = Object.keys(ACTIONS);
const PAIRS = NAMES.flatMap((one, index) => NAMES.slice(index).map((other) => [one, other] as const));

async function race(
  name: string,
  actions: readonly string[],
): Promise<readonly (readonly [string, Answer])[]> {
  await createRepo(hub, `lab/${name}`, { person: 'lab-admin' });
  const answers = await Promise.all(
    actions.map(async (action) => [action, (await ACTIONS[action]?.run(name)) as Answer] as const),
  );
  for (const [action, answer] of answers) {
    expect(ACTIONS[action]?.allowed, `${action}: ${answer.text}`).toContain(answer.status);
  }
  return answers;
}

/** The names by which it is found in the end, and that each of them is whole. */
async function livesOn(name: string): Promise<readonly string[]> {
  const lives = new Set<string>();
  for (const id of [`lab/${name}`, `lab/${name}-moved`, `lab-admin/${name}`]) {
    const answer = await hub.send('GET', `/api/models/${id}`, { token });
    if (answer.status === 200) lives.add(answer.json<{ id: string }>().id);
    else expect([307, 404]).toContain(answer.status);
    if (answer.status === 307)
      expect((await hub.send('GET', answer.headers.location ?? '', { token })).status).toBe(200);
  }
  return [...lives];
}

describe.each(PAIRS)('%s and %s at once', (one, other) => {
  test('end as if one had come after the other', async () => {
    for (let round = 0; round < 3; round++) {
      const name = `pair-${NAMES.indexOf(one)}-${NAMES.indexOf(other)}-${round}`;
      const answers = await race(name, round % 2 ? [other, one] : [one, other]);
      const done = answers.filter(([, { status }]) => status === 200).map(([action]) => action);
      const made = 1 + done.filter((action) => action === 'create').length;
      const gone = done.filter((action) => action === 'delete').length;
      expect(await livesOn(name)).toHaveLength(made - gone);
      expect(gone).toBeLessThanOrEqual(made);
    }
  });
});

test('fifty people do everything at once', async () => {
  const actions = Array.from({ length: 50 }, (_, index) => NAMES[index % NAMES.length] as string);
  const answers = await race('crowd', actions);
  const count = (action: string): number =>
    answers.filter(([done, { status }]) => done === action && status === 200).length;
  expect(await livesOn('crowd')).toHaveLength(1 + count('create') - count('delete'));
});

test('of fifty who move repositories onto one name exactly one succeeds', async () => {
  const names = Array.from(
    { length: 50 },
    (_, index) => `mover-${String.fromCharCode(97 + (index % 26))}${index}`,
  );
  for (const name of names) await createRepo(hub, `lab/${name}`, { person: 'lab-admin' });
  const answers = await Promise.all(
    names.map((name, index) =>
      send('POST', '/api/repos/move', {
        fromRepo: `lab/${name}`,
        toRepo: index % 2 ? 'lab/the-one' : 'lab/The_One',
      }),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(49);
});
