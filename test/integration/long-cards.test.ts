import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import { createRepo, fileLine, ndjson, startPeopledHub, type RepoClient } from '../support/scenario.ts';

/* Cards whose metadata takes long to read: others get their answers meanwhile, and the verdict is that of short ones. */

let hub: TestHub;
let repo: RepoClient;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/cards');
});
afterAll(() => hub[Symbol.asyncDispose]());

/** Just under the megabyte that metadata may have. */
const KEYS = Array.from({ length: 40_000 }, (_, index) => `key${index}: value ${index}`).join('\n');
const cardOf = (metadata: string): string => `---\n${metadata}\n---\n# Card\n`;
const validate = (content: string): Promise<Answer> =>
  hub.send('POST', '/api/validate-yaml', { body: { content, repoType: 'model' } });

/** How many questions others had answered before this one was. */
async function answeredMeanwhile(work: () => Promise<Answer>): Promise<[Answer, number]> {
  let isOver = false;
  let count = 0;
  const answer = work().finally(() => {
    isOver = true;
  });
  for (;;) {
    expect((await hub.send('GET', '/healthz')).status).toBe(200);
    // False while the answer is under way.
    if (isOver) return [await answer, count];
    count++;
  }
}

describe('a card with metadata of a megabyte', () => {
  test('is committed while others get their answers', async () => {
    const body = ndjson([fileLine('README.md', cardOf(KEYS))]);
    const [answer, count] = await answeredMeanwhile(() => repo.postCommit(body));
    expect(answer.status, answer.text).toBe(200);
    expect(count).toBeGreaterThan(10);
  });

  test('is validated while others get their answers', async () => {
    const [answer, count] = await answeredMeanwhile(() => validate(cardOf(KEYS)));
    expect(answer.json()).toEqual({ errors: [], warnings: [] });
    expect(count).toBeGreaterThan(10);
  });

  test.each([
    ['license: 7', '"license" must be a string or an array of strings'],
    ['key1: again', 'bad YAML: Map keys must be unique at line 40001, column 1:'],
    ['a: [', /^bad YAML: .* at line 40001, column \d+:$/],
  ])('and with %j after it is refused as a short one is', async (metadata, message) => {
    const card = cardOf(`${KEYS}\n${metadata}`);
    const verdict = (await validate(card)).json<{ errors: { message: string }[] }>();
    expect(verdict.errors).toEqual([{ message: expect.stringMatching(message) as string }]);
    await expectNothingStored(hub, async () => {
      const answer = await repo.postCommit(ndjson([fileLine('README.md', card)]));
      expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidMetadata']);
      expect(answer.json<{ errors: unknown }>().errors).toEqual(verdict.errors);
      expect(answer.headers['x-error-message']).toMatch(/^Line 2: Invalid metadata in README\.md: /);
    });
  });

  test.each(['language', 'task_categories', 'model-index'])(
    'is told of no more than 100 problems of its %s',
    async (field) => {
      const answer = await validate(cardOf(`${field}: [${'A,'.repeat(50_000)}]`));
      const { errors, warnings } = answer.json<{ errors: unknown[]; warnings: unknown[] }>();
      expect(errors.length + warnings.length).toBe(100);
    },
  );

  test('is committed while strangers let many be checked', async () => {
    const others = Array.from({ length: 6 }, () => validate(cardOf(KEYS)));
    let checked = 0;
    for (const other of others) void other.then(() => checked++);
    const answer = await repo.postCommit(ndjson([fileLine('README.md', cardOf(`${KEYS}\nlast: one`))]));
    expect(answer.status, answer.text).toBe(200);
    expect(checked).toBeLessThan(others.length);
    for (const other of await Promise.all(others)) expect(other.status).toBe(200);
  });

  test('is not searched for its end where that holds up others', async () => {
    const [answer] = await answeredMeanwhile(() => validate(`---\n${'a'.repeat(4_000_000)}`));
    expect(answer.status).toBe(200);
    expect(answer.json<{ warnings: unknown[] }>().warnings).toHaveLength(1);
  });
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
