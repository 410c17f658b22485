import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../server/contract/route.ts';
import { allRoutes } from '../../server/http/routes/all.ts';
import { expectProperRefusal } from '../bad-input/refusal.ts';
import type { RequestOptions, TestHub } from '../support/hub.ts';
import { createRepo, fileLine, PEOPLE, startPeopledHub, tokenOf } from '../support/scenario.ts';

/*
 * Every route of the table is sent requests that nobody would write: values of wrong types and sizes in every place, in
 * odd encodings, on behalf of anybody. Whatever they are, the answer is a success or a proper refusal, and the hub stays
 * as it was. `ATOLL_TEST_SEED` sends others.
 */

/** The routes are only listed: no services stand behind them. */
const ROUTES = allRoutes({} as Parameters<typeof allRoutes>[0]).map(({ route }) => route);
const SEED = Number(process.env['ATOLL_TEST_SEED'] ?? 20_261_127);
const REQUESTS_EACH = 25;

const oddText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '.',
    '..',
    '%00',
    '%',
    '%ff',
    '%2e%2e%2f',
    '__proto__',
    'constructor',
    'null',
    '-1',
    '0x10',
  ),
  fc.constantFrom(
    'main',
    'HEAD',
    'refs/heads/main',
    'a'.repeat(40),
    'b'.repeat(64),
    '1e309',
    '\u{1f600}',
    '\u202e',
  ),
  fc.constantFrom(
    "' or 1=1 --",
    '"; drop table refs',
    '$(id)',
    '<script>',
    '../../etc/passwd',
    'C:\\x',
    'con',
    'a\0b',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.integer({ min: 1, max: 4 }).map((power) => 'x'.repeat(10 ** power)),
);

const oddValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    oddText,
    fc.constantFrom(null, true, false, 0, -1, 1.5, 2 ** 53, -(2 ** 63), 1e308, [], {}),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(oddText, tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** Names that a route reads, from what it declares, each with some odd value. */
function bodyFor(route: Route): fc.Arbitrary<unknown> {
  if (route.body.kind !== 'json' && route.body.kind !== 'form-or-json') return oddValue;
  const names = namesOf(route.body.schema);
  if (names.length === 0) return oddValue;
  const known = fc.record(Object.fromEntries(names.map((name) => [name, oddValue])), { requiredKeys: [] });
  return fc.oneof({ weight: 4, arbitrary: known }, { weight: 1, arbitrary: oddValue });
}

/** Names of the members of a schema of zod, below what wraps it. */
function namesOf(schema: unknown): readonly string[] {
  const { shape, def } = schema as { shape?: object; def?: { innerType?: unknown; in?: unknown } };
  if (shape) return Object.keys(shape);
  const inner = def?.innerType ?? def?.in;
  return inner === undefined ? [] : namesOf(inner);
}

/** Text for an address: bytes that HTTP takes, with whatever percent signs there are. */
const addressText = (text: string): string =>
  text.replace(/[^\x21-\x7e]/gu, (character) =>
    encodeURIComponent(character.isWellFormed() ? character : '?'),
  );

const partFor = (name: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(KNOWN[name] ?? 'x') }, { weight: 1, arbitrary: oddText });
const KNOWN: Readonly<Record<string, string>> = {
  kind: 'models',
  namespace: 'owner',
  name: 'm1',
  user: 'owner',
};

function targetFor(route: Route): fc.Arbitrary<string> {
  const parts = route.path.slice(1).split('/');
  const arbitraries = parts.map((part) => {
    if (part === ':prefix?') return fc.constantFrom('', 'datasets/', 'models/');
    if (part === '*' || part === '**')
      return fc
        .array(fc.oneof(oddText, fc.constant('main')), { maxLength: 4 })
        .map((rest) => rest.map((one) => addressText(one.replaceAll('/', '%2F'))).join('/'));
    if (part.startsWith(':'))
      return partFor(part.slice(1)).map((text) => addressText(text.replaceAll('/', '%2F')));
    return fc.constant(part);
  });
  const query = fc.array(
    fc.tuple(
      fc.oneof(fc.constantFrom(...queryNames(route), 'x'), oddText),
      fc.constantFrom('', '[]', '[a]', '[0]'),
      oddText,
    ),
    { maxLength: 4 },
  );
  return fc.tuple(fc.tuple(...arbitraries), query).map(([path, pairs]) => {
    const joined = path.join('/').replace(/^((?:datasets|models)\/)?\//, '$1');
    const search = pairs
      .map(([name, brackets, value]) => `${addressText(name)}${brackets}=${addressText(value)}`)
      .join('&');
    return `/${joined}${search === '' ? '' : `?${search}`}`;
  });
}

const queryNames = (route: Route): readonly string[] => namesOf(route.query);

const MEDIA_TYPES = [
  'application/json',
  'application/json',
  'application/json; charset=utf-8',
  'application/x-www-form-urlencoded',
  'application/x-ndjson',
  'application/vnd.git-lfs+json',
  'text/plain',
  '',
];

interface Sent {
  readonly target: string;
  readonly options: RequestOptions;
}

const sentTo = (route: Route): fc.Arbitrary<Sent> =>
  fc
    .record({
      target: targetFor(route),
      body: fc.oneof(
        { weight: 4, arbitrary: bodyFor(route).map((value) => Buffer.from(JSON.stringify(value) ?? '')) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
      ),
      type: fc.constantFrom(...MEDIA_TYPES),
      person: fc.constantFrom(...PEOPLE, 'owner', 'owner', 'owner'),
      range: fc.option(fc.constantFrom('bytes=0-0', 'bytes=-1', 'bytes=9-1', 'x'), {
        freq: 5,
        nil: undefined,
      }),
    })
    .map(({ target, body, type, person, range }) => ({
      target,
      options: {
        token: tokenOf(person as (typeof PEOPLE)[number]),
        headers: { 'content-type': type, ...(range === undefined ? {} : { range }) },
        ...(route.body.kind === 'none' ? {} : { body }),
      },
    }));

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
  const repo = await createRepo(hub, 'owner/m1');
  await repo.commit([fileLine('README.md', '# m1\n'), fileLine('folder/x', '1')]);
});
afterAll(() => hub[Symbol.asyncDispose]());

describe('requests that nobody would write', () => {
  test.each(ROUTES.map((route) => ({ title: `${route.method} ${route.path}`, route })))(
    '$title',
    async ({ route }) => {
      const requests = fc.sample(sentTo(route), { seed: SEED, numRuns: REQUESTS_EACH });
      for (const { target, options } of requests) {
        // Node itself writes no longer heads.
        if (target.length > 15_000) continue;
        const answer = await hub.send(route.method, target, options);
        const what = `${route.method} ${target} ${JSON.stringify(options).slice(0, 2_000)}: ${answer.text.slice(0, 300)}`;
        expect(answer.status, what).toBeGreaterThanOrEqual(200);
        if (answer.status >= 400) expectProperRefusal(answer, what);
      }
    },
  );

  test('broke nothing', async () => {
    expect(hub.loggedErrors()).toEqual([]);
    expect((await hub.send('GET', '/readyz')).status).toBe(200);
    const found = (await hub.command('doctor', { full: true })) as { readonly problems: readonly unknown[] };
    expect(found.problems).toEqual([]);
  });
});
