import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Access, Route } from '../../server/contract/route.ts';
import type { RepoRight } from '../../server/domain/access.ts';
import { allRoutes } from '../../server/http/routes/all.ts';
import type { Answer, TestHub } from '../support/hub.ts';
import { createRepo, PEOPLE, startPeopledHub, tokenOf, type Person } from '../support/scenario.ts';

/*
 * Every route of the hub is called by everyone, on repositories of an organization and of a person. Only the question
 * whether they are let in is asked here: whoever is gets any answer but a refusal of permission, and nobody else does.
 */

/** The routes are only listed: no services stand behind them. */
const ROUTES = allRoutes({} as Parameters<typeof allRoutes>[0]).map(({ route }) => route);

const ALL: readonly RepoRight[] = ['read', 'write', 'settings', 'administer'];
const ADMINISTRATION: readonly RepoRight[] = ['read', 'settings', 'administer'];

/** Rights on `lab/private`, by the permission table of the design. */
const IN_LAB: Partial<Record<Person, readonly RepoRight[]>> = {
  visitor: ['read'],
  member: ['read', 'write'],
  'member-read': ['read'],
  'lab-admin': ALL,
  'lab-super-admin': ALL,
  'site-admin': ADMINISTRATION,
};
/** Rights on `owner/private`. */
const AT_HOME: Partial<Record<Person, readonly RepoRight[]>> = {
  owner: ALL,
  'owner-read': ['read'],
  'site-admin': ADMINISTRATION,
};

interface RepoCase {
  readonly repo: string;
  readonly isPublic: boolean;
  readonly rights: Partial<Record<Person, readonly RepoRight[]>>;
}

const REPOS: readonly RepoCase[] = [
  { repo: 'lab/private', isPublic: false, rights: IN_LAB },
  { repo: 'lab/public', isPublic: true, rights: IN_LAB },
  { repo: 'owner/private', isPublic: false, rights: AT_HOME },
  { repo: 'owner/public', isPublic: true, rights: AT_HOME },
  { repo: 'owner/absent', isPublic: false, rights: {} },
  { repo: 'nobody/absent', isPublic: false, rights: {} },
];

type Outcome =
  | 'let in'
  | '401 RepoNotFound'
  | '404 RepoNotFound'
  | '401 SignInRequired'
  | '401 InvalidCredentials'
  | '403 Forbidden';

const REFUSALS: ReadonlySet<string> = new Set([
  '401 RepoNotFound',
  '404 RepoNotFound',
  '401 SignInRequired',
  '401 InvalidCredentials',
  '403 Forbidden',
]);

function outcomeOf(answer: Answer): string {
  const refusal = `${answer.status} ${String(answer.headers['x-error-code'])}`;
  if (REFUSALS.has(refusal)) return refusal;
  // Nothing else may look like a refusal of permission, and nothing may break.
  const isBroken = answer.status >= 500 && answer.status !== 501;
  return [401, 403].includes(answer.status) || isBroken ? `${refusal}: ${answer.text}` : 'let in';
}

function expectedOnRepo(person: Person, right: RepoRight, { isPublic, rights }: RepoCase): Outcome {
  if (person === 'wrong') return '401 InvalidCredentials';
  const own = rights[person] ?? [];
  if (own.includes(right) || (right === 'read' && isPublic)) return 'let in';
  const isVisible = isPublic || own.length > 0;
  if (person === 'anonymous') return isVisible ? '401 SignInRequired' : '401 RepoNotFound';
  return isVisible ? '403 Forbidden' : '404 RepoNotFound';
}

const REST: readonly (readonly [pattern: RegExp, rest: string])[] = [
  [/\/(resolve|raw)\/\*$/, 'main/.gitattributes'],
  [/\/(branch|tag)\/\*$/, 'absent'],
  [/\/merge\/\*$/, 'absent/into/absent'],
  [/\/compare\/\*$/, 'main...main'],
  [/\/archive\/\*$/, 'main.zip'],
  [/\*$/, 'main'],
];

function targetOf(route: Route, repo: string, prefix = ''): string {
  const [namespace = '', name = ''] = repo.split('/');
  const rest = REST.find(([pattern]) => pattern.test(route.path))?.[1] ?? '';
  return (
    route.path
      .replace('/:prefix?', prefix)
      .replace(':kind', 'models')
      .replace(':namespace', namespace)
      .replace(':name', name)
      .replace(/\*+$/, rest)
      .replace('/*/', '/absent/')
      .replace(/:[a-z]+/g, 'x')
      // Without a service nobody is let in.
      .replace(/\/info\/refs$/, '/info/refs?service=git-upload-pack')
  );
}

const isOf =
  <Kind extends Access['kind']>(kind: Kind) =>
  (route: Route): route is Route<Extract<Access, { kind: Kind }>> =>
    route.access.kind === kind;

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
  for (const { repo, isPublic } of REPOS) {
    if (repo.endsWith('/absent')) continue;
    const person = repo.startsWith('lab/') ? 'lab-admin' : 'owner';
    await createRepo(hub, repo, { person, isPrivate: !isPublic });
    await createBucket(repo, !isPublic);
  }
});
afterAll(() => hub[Symbol.asyncDispose]());

/** As whoever may; one that is there stays as it is. */
async function createBucket(name: string, isPrivate: boolean): Promise<void> {
  const token = tokenOf(name.startsWith('lab/') ? 'lab-admin' : 'owner');
  const { status } = await hub.send('POST', `/api/buckets/${name}`, { token, body: { private: isPrivate } });
  expect([200, 409]).toContain(status);
}

const call = (person: Person, route: Route, target: string): Promise<Answer> =>
  hub.send(route.method, target, {
    token: tokenOf(person),
    ...(route.body.kind === 'none' ? {} : { body: {} }),
  });

const isBucketDeletion = ({ method, path }: Route): boolean =>
  method === 'DELETE' && path === '/api/buckets/:namespace/:name';

const titled = (route: Route) => ({ title: `${route.method} ${route.path}`, route });

describe.each(ROUTES.filter(isOf('repo')).map((route) => ({ ...titled(route), route })))(
  '$title on a repository',
  ({ route }) => {
    test.each(REPOS)('$repo', async (repoCase) => {
      const { right } = route.access;
      for (const person of PEOPLE) {
        const target = targetOf(route, repoCase.repo);
        const answer = await call(person, route, target);
        // Whoever may delete a bucket by its path has done so.
        if (isBucketDeletion(route) && answer.status === 200)
          await createBucket(repoCase.repo, !repoCase.isPublic);
        expect([person, outcomeOf(answer)]).toEqual([person, expectedOnRepo(person, right, repoCase)]);
        if (route.method !== 'GET') continue;
        const head = await hub.send('HEAD', target, { token: tokenOf(person) });
        expect([person, head.status, head.body.length]).toEqual([person, answer.status, 0]);
        expect(head.headers['content-length']).toBe(answer.headers['content-length']);
      }
    });
  },
);

describe.each(ROUTES.filter(isOf('reader')).map((route) => ({ ...titled(route), route })))(
  '$title, for readers of a repository',
  ({ route }) => {
    test.each(REPOS)('$repo', async (repoCase) => {
      for (const person of PEOPLE) {
        const outcome = outcomeOf(await call(person, route, targetOf(route, repoCase.repo)));
        const readable = expectedOnRepo(person, 'read', repoCase);
        const refusal = person === 'anonymous' ? '401 SignInRequired' : '403 Forbidden';
        const isRefused = readable === 'let in' && (person === 'anonymous' || person.endsWith('-read'));
        expect([person, outcome]).toEqual([person, isRefused ? refusal : readable]);
      }
    });
  },
);

test('a repository of one kind is none of another', async () => {
  const route = ROUTES.find(({ path }) => path === '/:prefix?/:namespace/:name/resolve/*');
  if (!route) throw new Error('There is no such route.');
  const statuses: Record<string, number> = {};
  for (const prefix of ['', '/models', '/datasets', '/spaces', '/kernels']) {
    statuses[prefix] = (await call('owner', route, targetOf(route, 'owner/public', prefix))).status;
  }
  expect(statuses).toEqual({ '': 200, '/models': 200, '/datasets': 404, '/spaces': 404, '/kernels': 404 });
});

describe.each(REPOS)('uploading large files to $repo', (repoCase) => {
  test.each(PEOPLE)('by %s', async (person) => {
    const body = { operation: 'upload', transfers: ['basic'], objects: [] };
    const target = `/${repoCase.repo}.git/info/lfs/objects/batch`;
    const answer = await hub.send('POST', target, { token: tokenOf(person), body });
    const readable = expectedOnRepo(person, 'read', repoCase);
    const expected = readable === 'let in' ? expectedOnRepo(person, 'write', repoCase) : readable;
    expect(outcomeOf(answer)).toBe(expected);
    if (answer.status === 401) expect(answer.headers['lfs-authenticate']).toBe('Basic realm="Atoll"');
  });
});

describe.each(ROUTES.filter(isOf('signedIn')).map((route) => ({ ...titled(route), route })))(
  '$title, for who has signed in',
  ({ route }) => {
    test.each(PEOPLE)('by %s', async (person) => {
      const isReadToken = person.endsWith('-read');
      const expected: Outcome =
        person === 'wrong'
          ? '401 InvalidCredentials'
          : person === 'anonymous'
            ? '401 SignInRequired'
            : route.access.scope === 'session' || (isReadToken && route.access.scope !== 'read')
              ? '403 Forbidden'
              : 'let in';
      // What is asked of the body comes after; nobody's token or password is changed by an empty one.
      expect(outcomeOf(await call(person, route, targetOf(route, 'owner/public')))).toBe(expected);
    });
  },
);

describe('creating a repository', () => {
  const expected: Record<'lab' | 'owner', (person: Person) => boolean> = {
    lab: (person) => ['member', 'lab-admin', 'lab-super-admin'].includes(person),
    owner: (person) => person === 'owner',
  };
  test.each(PEOPLE)('by %s', async (person) => {
    for (const organization of ['lab', 'owner'] as const) {
      const body = { name: `by-${person}`, organization };
      const answer = await hub.send('POST', '/api/repos/create', { token: tokenOf(person), body });
      const outcome = outcomeOf(answer);
      if (person === 'anonymous') expect(outcome).toBe('401 SignInRequired');
      else if (person === 'wrong') expect(outcome).toBe('401 InvalidCredentials');
      else
        expect([organization, outcome]).toEqual([
          organization,
          expected[organization](person) ? 'let in' : '403 Forbidden',
        ]);
    }
  });
});

describe('creating a bucket', () => {
  test.each(PEOPLE)('by %s', async (person) => {
    for (const owner of ['lab', 'owner', 'nobody'] as const) {
      const target = `/api/buckets/${owner}/by-${person}`;
      const outcome = outcomeOf(await hub.send('POST', target, { token: tokenOf(person), body: {} }));
      const isAllowed =
        owner === 'lab'
          ? ['member', 'lab-admin', 'lab-super-admin'].includes(person)
          : owner === 'owner' && person === 'owner';
      const expected: Outcome =
        person === 'anonymous'
          ? '401 SignInRequired'
          : person === 'wrong'
            ? '401 InvalidCredentials'
            : isAllowed
              ? 'let in'
              : '403 Forbidden';
      expect([owner, outcome]).toEqual([owner, expected]);
    }
  });
});

describe('deleting a repository', () => {
  test.each(REPOS)('$repo', async (repoCase) => {
    const [organization, name] = repoCase.repo.split('/');
    for (const person of PEOPLE) {
      const rights = repoCase.rights[person] ?? [];
      if (rights.includes('administer')) continue;
      const answer = await hub.send('DELETE', '/api/repos/delete', {
        token: tokenOf(person),
        body: { name, organization },
      });
      const expected =
        person === 'anonymous'
          ? '401 SignInRequired'
          : person.endsWith('-read')
            ? '403 Forbidden'
            : expectedOnRepo(person, 'administer', repoCase);
      expect([person, outcomeOf(answer)]).toEqual([person, expected]);
    }
  });

  test('by those who administer it', async () => {
    for (const person of ['lab-admin', 'lab-super-admin', 'site-admin'] as const) {
      const repo = await createRepo(hub, `lab/gone-${person}`, { person: 'lab-admin', isPrivate: true });
      const body = { name: repo.name };
      expect((await hub.send('DELETE', '/api/repos/delete', { token: tokenOf(person), body })).status).toBe(
        200,
      );
      expect((await repo.api('GET', 'refs')).status).toBe(404);
    }
  });
});

describe.each(ROUTES.filter(isOf('anyone')).map((route) => ({ ...titled(route), route })))(
  '$title, for anyone',
  ({ route }) => {
    test.each(PEOPLE)('by %s', async (person) => {
      const answer = await call(person, route, targetOf(route, 'gpt2/x'));
      const hasNoAnswer = route.replies.length === 0;
      const absent = person === 'anonymous' ? '401 RepoNotFound' : '404 RepoNotFound';
      const expected = person === 'wrong' ? '401 InvalidCredentials' : hasNoAnswer ? absent : 'let in';
      expect(outcomeOf(answer)).toBe(expected);
    });
  },
);

describe.each(ROUTES.filter(isOf('capability')).map(titled))(
  '$title, by what its link or own token says',
  ({ route }) => {
    test('nobody is let in by a token of the hub', async () => {
      const answers = new Set<string>();
      for (const person of PEOPLE) {
        const { status, headers } = await call(person, route, targetOf(route, 'x/x'));
        answers.add(`${status} ${String(headers['x-error-code'])}`);
      }
      const isTelemetry = route.path === '/v1/telemetry';
      expect(answers.size).toBe(1);
      expect([...answers][0]).toMatch(isTelemetry ? /^204 / : /^(400|401|403|404|411|422) /);
    });
  },
);

test('setting the hub up is nobody’s right any more', async () => {
  for (const person of PEOPLE) {
    const body = { secret: 'x', name: 'eve', password: 'correct horse battery' };
    const { status } = await hub.send('POST', '/api/setup', { token: tokenOf(person), body });
    expect([person, status]).toEqual([person, 409]);
  }
});

test('every kind of access was looked at', () => {
  const kinds = new Set(ROUTES.map(({ access }) => access.kind));
  expect(kinds).toEqual(
    new Set(['repo', 'reader', 'signedIn', 'namespace', 'anyone', 'capability', 'setupOnce']),
  );
  expect(ROUTES.filter(isOf('namespace')).map(({ path }) => path)).toEqual([
    '/api/repos/create',
    '/api/buckets/:namespace/:name',
  ]);
  expect(ROUTES.filter(isOf('setupOnce')).map(({ path }) => path)).toEqual(['/api/setup']);
});

test('no call broke anything', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
