import fs from 'node:fs';
import { join } from 'node:path';
import git from 'isomorphic-git';
import { beforeAll, describe, expect, test } from 'vitest';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

const WRITERS = 100;
const COMMITS_EACH = 10;

interface CommitAnswer {
  readonly status: number;
  readonly commitOid: string;
}

interface ListedCommit {
  readonly id: string;
  readonly title: string;
}

let hub: HubProgram;
beforeAll(async () => {
  hub = await startHubProgram();
  return () => hub[Symbol.asyncDispose]();
});

const request = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${hub.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${hub.tokens.ada}`, ...init.headers },
  });

async function newRepo(name: string): Promise<string> {
  const made = await request('/api/repos/create', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  expect(made.status).toBe(200);
  return `/api/models/ada/${name}`;
}

async function commit(
  repo: string,
  path: string,
  {
    branch = 'main',
    parentCommit,
    content = path,
  }: { branch?: string; parentCommit?: string; content?: string } = {},
): Promise<CommitAnswer> {
  const lines = [
    { key: 'header', value: { summary: `Add ${path}`, parentCommit } },
    { key: 'file', value: { path, content, encoding: 'utf-8' } },
  ];
  const reply = await request(`${repo}/commit/${branch}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.map((line) => JSON.stringify(line)).join('\n'),
  });
  const { commitOid } = (await reply.json()) as { readonly commitOid: string };
  return { status: reply.status, commitOid };
}

/** All pages of a list of the API. */
async function listAll<Item>(path: string): Promise<readonly Item[]> {
  const all: Item[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const reply: Response = await request(next);
    expect(reply.status).toBe(200);
    all.push(...((await reply.json()) as Item[]));
    const [, link] = /<([^>]+)>; rel="next"/.exec(reply.headers.get('link') ?? '') ?? [];
    next = link?.slice(hub.url.length);
  }
  return all;
}

const commitsOf = (repo: string, branch = 'main'): Promise<readonly ListedCommit[]> =>
  listAll<ListedCommit>(`${repo}/commits/${branch}?limit=300`);

const filesOf = async (repo: string, branch = 'main'): Promise<readonly string[]> =>
  (await listAll<{ readonly path: string; readonly type: string }>(`${repo}/tree/${branch}?recursive=true`))
    .filter(({ type }) => type === 'file')
    .map(({ path }) => path);

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe('many writers at once', () => {
  test('100 writers put 1,000 commits on one branch: none is lost, history is one line', async () => {
    const repo = await newRepo('one-branch');
    const writer = async (name: number): Promise<readonly CommitAnswer[]> => {
      const answers: CommitAnswer[] = [];
      // Ten folders that all writers share, so that every commit changes a tree that others change too.
      for (const each of numbers(COMMITS_EACH))
        answers.push(await commit(repo, `folder-${each}/writer-${name}.txt`));
      return answers;
    };
    const answers = (await Promise.all(numbers(WRITERS).map(writer))).flat();
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const acknowledged = new Set(answers.map(({ commitOid }) => commitOid));
    expect(acknowledged.size).toBe(WRITERS * COMMITS_EACH);

    const listed = await commitsOf(repo);
    expect(listed).toHaveLength(WRITERS * COMMITS_EACH + 1);
    expect(listed.at(-1)?.title).toBe('initial commit');
    expect(new Set(listed.slice(0, -1).map(({ id }) => id))).toEqual(acknowledged);
    const gitdir = join(hub.scratch, 'one-branch.git');
    await hub.command('repo export', { kind: 'model', name: 'ada/one-branch', folder: gitdir });
    const log = await git.log({ fs, gitdir, ref: 'main' });
    expect(log.map(({ oid }) => oid)).toEqual(listed.map(({ id }) => id));
    const parents = log.map(({ commit }) => commit.parent);
    expect(parents).toEqual([...log.slice(1).map(({ oid }) => [oid]), []]);

    const expected = numbers(WRITERS).flatMap((name) =>
      numbers(COMMITS_EACH).map((each) => `folder-${each}/writer-${name}.txt`),
    );
    expect(new Set(await filesOf(repo))).toEqual(new Set(['.gitattributes', ...expected]));
  });

  test('writers that name the parent they saw win one at a time, and lose nothing when they try again', async () => {
    const repo = await newRepo('with-parents');
    const head = async (): Promise<string> => (await commitsOf(repo))[0]?.id ?? '';
    let refusals = 0;
    const writer = async (name: number): Promise<void> => {
      for (;;) {
        const { status } = await commit(repo, `writer-${name}.txt`, { parentCommit: await head() });
        if (status === 200) return;
        expect(status).toBe(412);
        refusals++;
      }
    };
    await Promise.all(numbers(12).map(writer));
    expect(refusals).toBeGreaterThan(0);
    expect(await commitsOf(repo)).toHaveLength(13);
    expect(await filesOf(repo)).toHaveLength(13);
  });

  test('of writers to one path the last one is in the file, and every other one is in history', async () => {
    const repo = await newRepo('one-path');
    const answers = await Promise.all(
      numbers(40).map((name) => commit(repo, 'same.txt', { content: `by ${name}` })),
    );
    const listed = await commitsOf(repo);
    expect(listed).toHaveLength(41);
    for (const [name, { commitOid }] of answers.entries()) {
      const kept = await request(`/ada/one-path/resolve/${commitOid}/same.txt`);
      expect(await kept.text()).toBe(`by ${name}`);
    }
    const last = await request('/ada/one-path/resolve/main/same.txt');
    expect(last.headers.get('x-repo-commit')).toBe(listed[0]?.id);
  });

  test('branches are made, written and deleted beside each other', async () => {
    const repo = await newRepo('branches');
    const work = async (name: number): Promise<void> => {
      const made = await request(`${repo}/branch/b-${name}`, { method: 'POST' });
      expect(made.status).toBeLessThan(300);
      for (const each of numbers(5)) {
        expect((await commit(repo, `${each}.txt`, { branch: `b-${name}` })).status).toBe(200);
      }
      if (name % 2 === 0)
        expect((await request(`${repo}/branch/b-${name}`, { method: 'DELETE' })).status).toBe(200);
    };
    await Promise.all(numbers(20).map(work));
    const { branches } = (await (await request(`${repo}/refs`)).json()) as {
      readonly branches: readonly { readonly name: string }[];
    };
    const left = numbers(20)
      .filter((name) => name % 2 === 1)
      .map((name) => `b-${name}`);
    expect(new Set(branches.map(({ name }) => name))).toEqual(new Set(['main', ...left]));
    for (const branch of left) expect(await commitsOf(repo, branch)).toHaveLength(6);
  });

  test('one name is given once, however many ask for it at the same time', async () => {
    const replies = await Promise.all(
      numbers(20).map(() =>
        request('/api/repos/create', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name: 'wanted' }),
        }),
      ),
    );
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(19).fill(409)]);
  });

  test('leave a sound hub', async () => {
    expect(await expectSoundHub(hub)).toBe(5);
  });
});
