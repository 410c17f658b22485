import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  createRepo,
  DESCRIPTION,
  fileLine,
  ndjson,
  repoClient,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';

/* A change takes its time, and its right may be gone when it is ready: what counts is the right at its end. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(async () => {
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  expect(hub.loggedErrors()).toEqual([]);
  await hub[Symbol.asyncDispose]();
});

/** Give `member` another role in `lab`. */
async function setRole(role: 'member' | 'visitor'): Promise<void> {
  const organizations = DESCRIPTION.organizations.map((organization) => ({
    ...organization,
    members: organization.members.map((one) => (one.user === 'member' ? { ...one, role } : one)),
  }));
  await hub.command('apply', { text: JSON.stringify({ organizations }) });
}

const settings = (repo: RepoClient, body: object): Promise<Answer> =>
  hub.send('PUT', `/api/models/${repo.name}/settings`, { token: tokenOf('lab-admin'), body });

/** A commit of `member` whose last line is still to come; `finish` sends that, and answers status and code. */
function beginCommit(repo: RepoClient): { readonly sending: ClientRequest; finish(): Promise<string> } {
  const body = ndjson([fileLine('late.txt', 'x'.repeat(1000)), fileLine('last.txt', 'y')]);
  const cut = body.length - 20;
  const sending = request(`${hub.url}/api/models/${repo.name}/commit/main`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokenOf('member') ?? ''}`,
      'content-type': 'application/x-ndjson',
      'content-length': String(body.length),
    },
  });
  sending.write(body.subarray(0, cut));
  const answered = once(sending, 'response');
  return {
    sending,
    async finish() {
      sending.end(body.subarray(cut));
      const [response] = (await answered) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      return `${response.statusCode} ${String(response.headers['x-error-code'] ?? '')}`.trim();
    },
  };
}

/** The hub has let the commit in once it reads its body, which it takes up with the route. */
const letIn = (sending: ClientRequest): Promise<void> =>
  new Promise((done) => sending.once('socket', () => setTimeout(done, 300)));

describe('a commit that was let in', () => {
  async function giveAway(repo: RepoClient): Promise<string> {
    const toRepo = repo.name.replace('lab/', 'lab-admin/');
    const moved = await hub.send('POST', '/api/repos/move', {
      token: tokenOf('lab-admin'),
      body: { fromRepo: repo.name, toRepo },
    });
    expect(moved.status, moved.text).toBe(200);
    return toRepo;
  }
  /** What is done to the repository meanwhile; answers its name afterwards. */
  const CASES: readonly (readonly [title: string, (repo: RepoClient) => Promise<string>, code: string])[] = [
    [
      'of somebody who becomes a visitor',
      async ({ name }) => {
        await setRole('visitor');
        return name;
      },
      '403 Forbidden',
    ],
    [
      'to what is archived',
      async (repo) => {
        expect((await settings(repo, { archived: true })).status).toBe(200);
        return repo.name;
      },
      '403 Forbidden',
    ],
    ['to what is given to somebody else', giveAway, '403 Forbidden'],
    [
      'to what is hidden and given to somebody else',
      async (repo) => {
        expect((await settings(repo, { private: true })).status).toBe(200);
        return giveAway(repo);
      },
      '404 RepoNotFound',
    ],
  ];

  test.each(CASES)('%s changes nothing', async (title, take, code) => {
    await setRole('member');
    const name = `lab/late-${CASES.findIndex(([one]) => one === title)}`;
    const repo = await createRepo(hub, name, { person: 'lab-admin' });
    const head = await repo.head();
    const commit = beginCommit(repo);
    await letIn(commit.sending);
    const after = repoClient(hub, await take(repo), 'lab-admin');
    expect(await commit.finish()).toBe(code);
    expect(await after.head()).toBe(head);
  });

  test('is made when nothing was taken away', async () => {
    await setRole('member');
    const repo = await createRepo(hub, 'lab/in-time', { person: 'lab-admin' });
    const head = await repo.head();
    const commit = beginCommit(repo);
    await letIn(commit.sending);
    expect(await commit.finish()).toBe('200');
    expect(await repo.head()).not.toBe(head);
  });
});

test('once the right is taken away, no change of theirs is made any more, whatever is under way', async () => {
  for (let round = 0; round < 8; round++) {
    await setRole('member');
    const repo = await createRepo(hub, `lab/race-${round}`, { person: 'lab-admin' });
    const mine = { token: tokenOf('member') };
    const changes = Array.from({ length: 12 }, (_, index) =>
      index % 3 === 0
        ? hub.send('POST', `/api/models/${repo.name}/branch/b${index}`, { ...mine, body: {} })
        : hub.send('POST', `/api/models/${repo.name}/commit/main`, {
            ...mine,
            headers: { 'content-type': 'application/x-ndjson' },
            body: ndjson([fileLine(`${index}.txt`, String(index))]),
          }),
    );
    await new Promise((done) => setTimeout(done, round * 8));
    await setRole('visitor');
    const then = (await repo.api('GET', 'refs')).text;
    const answers = await Promise.all(changes);
    expect((await repo.api('GET', 'refs')).text).toBe(then);
    for (const { status } of answers) expect([200, 403]).toContain(status);
    const made = answers.filter(({ status }, index) => status === 200 && index % 3 !== 0).length;
    const commits = (await repo.api('GET', 'commits/main')).json<readonly unknown[]>();
    expect(commits).toHaveLength(made + 1);
  }
});
