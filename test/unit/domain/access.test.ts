import { describe, expect, test } from 'vitest';
import {
  ANONYMOUS,
  clientRole,
  decideAccount,
  decideNamespace,
  decideRepo,
  mayManageRole,
  NAMESPACE_RIGHTS,
  REPO_RIGHTS,
  type Actor,
  type NamespaceRight,
  type RepoRight,
  type Standing,
} from '../../../server/domain/access.ts';
import {
  ORGANIZATION_ROLES,
  type TokenReach,
  type User,
  type Visibility,
} from '../../../server/domain/account.ts';
import type { NamespaceId, PublicId, RepositoryId } from '../../../server/domain/ids.ts';

const ME = 1 as NamespaceId;
const OTHER = 2 as NamespaceId;
const LAB = 3 as NamespaceId;
const REPO = 4 as RepositoryId;
const OTHER_REPO = 5 as RepositoryId;

const userActor = (options: { isAdmin?: boolean; tokenRole?: 'read' | 'write' } = {}): Actor => {
  const user: User = {
    id: ME,
    publicId: '0'.repeat(24) as PublicId,
    kind: 'user',
    name: 'me',
    fullName: 'Me',
    createdAt: 0,
    email: undefined,
    isAdmin: options.isAdmin ?? false,
  };
  return { kind: 'user', user, via: 'token', tokenRole: options.tokenRole ?? 'write' };
};

const OPEN = { requireSignIn: false };
const CLOSED = { requireSignIn: true };
const STANDINGS: readonly Standing[] = ['none', ...ORGANIZATION_ROLES, 'owner'];

const repo = (visibility: Visibility, createdBy: NamespaceId | undefined = OTHER) => ({
  id: REPO,
  owner: { id: LAB },
  visibility,
  createdBy,
  archivedAt: undefined,
});

/*
 * The table of the design, written out a second time in another form. Each line: a right, and what it is for standing
 * none, visitor, member, admin, super-admin, owner; then what a site administrator has beyond that. `y` yes, `c` only
 * on what they created, `-` no.
 */
const REPO_TABLE = `
  read        -  y  y  y  y  y   y
  write       -  -  y  y  y  y   -
  settings    -  -  c  y  y  y   y
  administer  -  -  -  y  y  y   y
`;
const NAMESPACE_TABLE = `
  create-repos    -  -  y  y  y  y   -
  manage-members  -  -  -  y  y  -   y
  edit-profile    -  -  -  y  y  y   y
  own             -  -  -  -  y  -   y
  see-quota       -  y  y  y  y  y   y
  set-quota       -  -  -  -  -  -   y
`;

interface Row<Right> {
  readonly right: Right;
  readonly cells: ReadonlyMap<Standing, string>;
  readonly siteAdmin: string;
}

const rowsOf = <Right>(table: string): readonly Row<Right>[] =>
  table
    .trim()
    .split('\n')
    .map((line) => {
      const [right = '', ...cells] = line.trim().split(/\s+/);
      return {
        right: right as Right,
        cells: new Map(STANDINGS.map((standing, index) => [standing, cells[index] ?? ''])),
        siteAdmin: cells[STANDINGS.length] ?? '',
      };
    });

const repoRows = rowsOf<RepoRight>(REPO_TABLE);
const namespaceRows = rowsOf<NamespaceRight>(NAMESPACE_TABLE);

test('the tables here speak of every right', () => {
  expect(repoRows.map(({ right }) => right)).toEqual([...REPO_RIGHTS]);
  expect(namespaceRows.map(({ right }) => right)).toEqual([...NAMESPACE_RIGHTS]);
});

const kindOf = (verdict: { readonly kind: string; readonly audited?: boolean }): string =>
  verdict.audited === true ? 'granted, audited' : verdict.kind;

describe.each(repoRows)('the right to $right a repository', ({ right, cells, siteAdmin }) => {
  describe.each(STANDINGS)('by standing "%s"', (standing) => {
    const cell = cells.get(standing);
    for (const createdBy of [ME, OTHER, undefined]) {
      const isAllowed = cell === 'y' || (cell === 'c' && createdBy === ME);
      const by = createdBy === ME ? 'them' : createdBy === OTHER ? 'another' : 'nobody who is left';

      test(`on a private one created by ${by}`, () => {
        const expected = isAllowed ? 'granted' : cells.size > 0 && standing === 'none' ? 'hidden' : 'denied';
        expect(kindOf(decideRepo(userActor(), standing, repo('private', createdBy), right, OPEN))).toBe(
          expected,
        );
        expect(kindOf(decideRepo(userActor(), standing, repo('private', createdBy), right, CLOSED))).toBe(
          expected,
        );
      });

      test(`on a public one created by ${by}`, () => {
        const expected = isAllowed || right === 'read' ? 'granted' : 'denied';
        expect(kindOf(decideRepo(userActor(), standing, repo('public', createdBy), right, OPEN))).toBe(
          expected,
        );
        expect(kindOf(decideRepo(userActor(), standing, repo('public', createdBy), right, CLOSED))).toBe(
          expected,
        );
      });

      test(`as a site administrator, on a private one created by ${by}`, () => {
        const actor = userActor({ isAdmin: true });
        const expected = isAllowed ? 'granted' : siteAdmin === 'y' ? 'granted, audited' : 'denied';
        expect(kindOf(decideRepo(actor, standing, repo('private', createdBy), right, OPEN))).toBe(expected);
      });

      test(`with a token that only reads, on a private one created by ${by}`, () => {
        const actor = userActor({ tokenRole: 'read' });
        const isRead = right === 'read';
        const expected = isAllowed && isRead ? 'granted' : standing === 'none' ? 'hidden' : 'denied';
        expect(kindOf(decideRepo(actor, standing, repo('private', createdBy), right, OPEN))).toBe(expected);
      });
    }
  });

  test('without credentials', () => {
    const isRead = right === 'read';
    expect(decideRepo(ANONYMOUS, 'none', repo('private'), right, OPEN)).toEqual({ kind: 'hidden' });
    expect(decideRepo(ANONYMOUS, 'none', repo('public'), right, CLOSED)).toEqual({ kind: 'hidden' });
    expect(decideRepo(ANONYMOUS, 'none', repo('public'), right, OPEN).kind).toBe(
      isRead ? 'granted' : 'denied',
    );
  });
});

describe.each(namespaceRows)('the right "$right" in a namespace', ({ right, cells, siteAdmin }) => {
  test.each(STANDINGS)('by standing "%s"', (standing) => {
    const isAllowed = cells.get(standing) === 'y';
    expect(kindOf(decideNamespace(userActor(), standing, right, { id: LAB }))).toBe(
      isAllowed ? 'granted' : 'denied',
    );

    const bySite = isAllowed ? 'granted' : siteAdmin === 'y' ? 'granted, audited' : 'denied';
    expect(kindOf(decideNamespace(userActor({ isAdmin: true }), standing, right, { id: LAB }))).toBe(bySite);

    const byReadToken = isAllowed && right === 'see-quota' ? 'granted' : 'denied';
    expect(kindOf(decideNamespace(userActor({ tokenRole: 'read' }), standing, right, { id: LAB }))).toBe(
      byReadToken,
    );
    expect(decideNamespace(ANONYMOUS, standing, right, { id: LAB }).kind).toBe('denied');
  });
});

test('an archived repository can be read, set and administered as before, and written to by nobody', () => {
  for (const right of REPO_RIGHTS) {
    for (const standing of STANDINGS) {
      for (const actor of [userActor(), userActor({ isAdmin: true }), ANONYMOUS]) {
        const before = decideRepo(actor, standing, repo('public', ME), right, OPEN);
        const after = decideRepo(actor, standing, { ...repo('public', ME), archivedAt: 1 }, right, OPEN);
        if (right !== 'write' || before.kind !== 'granted') expect(after).toEqual(before);
        else expect(after).toEqual({ kind: 'denied', reason: expect.stringContaining('archived') as string });
      }
    }
  }
});

test('a site administrator with a token that only reads changes nothing either', () => {
  const actor = userActor({ isAdmin: true, tokenRole: 'read' });
  expect(kindOf(decideRepo(actor, 'none', repo('private'), 'read', OPEN))).toBe('granted, audited');
  expect(decideRepo(actor, 'none', repo('private'), 'administer', OPEN).kind).toBe('denied');
  expect(decideNamespace(actor, 'none', 'set-quota', { id: LAB }).kind).toBe('denied');
});

test('admins give and take the roles below their own, super-admins and site administrators all', () => {
  const manageable = (standing: Standing, isSiteAdmin: boolean) =>
    ORGANIZATION_ROLES.filter((role) => mayManageRole(standing, isSiteAdmin, role));
  for (const standing of ['none', 'visitor', 'member', 'owner'] as const) {
    expect(manageable(standing, false)).toEqual([]);
  }
  expect(manageable('admin', false)).toEqual(['visitor', 'member']);
  expect(manageable('super-admin', false)).toEqual([...ORGANIZATION_ROLES]);
  expect(manageable('none', true)).toEqual([...ORGANIZATION_ROLES]);
});

test('clients hear of roles by the names they know', () => {
  expect(ORGANIZATION_ROLES.map(clientRole)).toEqual(['read', 'write', 'admin', 'admin']);
});

describe('a fine-grained token', () => {
  const actorWith = (reach: Partial<TokenReach>, isAdmin = false) => {
    const actor = userActor({ isAdmin });
    if (actor.kind !== 'user') throw new Error('This is nobody.');
    const { user, via } = actor;
    const whole: TokenReach = { repositories: new Map(), namespaces: new Map(), ...reach };
    const token = { publicId: '1'.repeat(24) as PublicId, name: 'ci', createdAt: 0, reach: whole };
    return { kind: 'user', user, via, tokenRole: 'fineGrained', token } satisfies Actor;
  };
  const REACHES = {
    nothing: {},
    'another repository': { repositories: new Map([[OTHER_REPO, 'write']]) },
    'the repository, to read': { repositories: new Map([[REPO, 'read']]) },
    'the repository, to write': { repositories: new Map([[REPO, 'write']]) },
    'its owner, to read': { namespaces: new Map([[LAB, 'read']]) },
    'its owner, to write': { namespaces: new Map([[LAB, 'write']]) },
  } as const satisfies Record<string, Partial<TokenReach>>;
  const levelOf = (name: string) =>
    name.endsWith('to write') ? 'write' : name.endsWith('to read') ? 'read' : 'none';

  describe.each(Object.entries(REACHES))('that reaches %s', (name, reach) => {
    const level = levelOf(name);

    test.each(STANDINGS)('never does more than its user by standing "%s"', (standing) => {
      for (const visibility of ['private', 'public'] as const) {
        for (const right of REPO_RIGHTS) {
          const byUser = decideRepo(userActor(), standing, repo(visibility, ME), right, OPEN).kind;
          const isOpen = visibility === 'public' && right === 'read';
          const expected =
            level === 'none'
              ? isOpen
                ? 'granted'
                : 'hidden'
              : byUser === 'granted' && right !== 'read' && level === 'read'
                ? 'denied'
                : byUser;
          const byToken = decideRepo(actorWith(reach), standing, repo(visibility, ME), right, OPEN).kind;
          expect([visibility, right, byToken]).toEqual([visibility, right, expected]);
        }
      }
    });

    test('creates repositories only in a namespace it writes to, and manages nobody', () => {
      const mayCreate = name === 'its owner, to write';
      for (const right of NAMESPACE_RIGHTS) {
        const isIn = name.startsWith('its owner');
        const expected = (right === 'create-repos' && mayCreate) || (right === 'see-quota' && isIn);
        const verdict = decideNamespace(actorWith(reach), 'super-admin', right, { id: LAB });
        expect([right, verdict.kind]).toEqual([right, expected ? 'granted' : 'denied']);
      }
    });

    test('does not widen by the rights of a site administrator', () => {
      const verdict = decideRepo(actorWith(reach, true), 'none', repo('private'), 'read', OPEN);
      expect(kindOf(verdict)).toBe(level === 'none' ? 'hidden' : 'granted, audited');
    });
  });

  test('with nothing written beside it reaches nothing', () => {
    const { token, ...actor } = actorWith({});
    expect(token.reach.repositories.size).toBe(0);
    expect(decideRepo(actor, 'owner', repo('private'), 'read', OPEN).kind).toBe('hidden');
  });
});

test('what of an account a credential can be used for', () => {
  const byToken = userActor() as Extract<Actor, { kind: 'user' }>;
  const session = { ...byToken, via: 'session' as const };
  const token = { publicId: '1'.repeat(24) as PublicId, name: 'x', createdAt: 0 };
  const grant = { publicId: '2'.repeat(24) as PublicId, clientId: 'x', scope: 'write-repos' };
  const credentials = {
    session,
    'write token': { ...byToken, token },
    'read token': { ...byToken, token, tokenRole: 'read' as const },
    'fine-grained token': { ...byToken, token, tokenRole: 'fineGrained' as const },
    'granted token': { ...byToken, token: { ...token, grant } },
  };
  const allowed = Object.fromEntries(
    Object.entries(credentials).map(([name, actor]) => [
      name,
      (['read', 'write', 'repo', 'account', 'session'] as const).filter(
        (scope) => decideAccount(actor, scope).kind === 'granted',
      ),
    ]),
  );
  expect(allowed).toEqual({
    session: ['read', 'write', 'repo', 'account', 'session'],
    'write token': ['read', 'write', 'repo', 'account'],
    'read token': ['read'],
    'fine-grained token': ['read', 'repo'],
    'granted token': ['read', 'write', 'repo'],
  });
});

describe('a deploy key', () => {
  const keyTo = (level: 'read' | 'write', repositoryId = REPO): Actor => ({
    kind: 'deploy-key',
    ...{ publicId: '2'.repeat(24) as PublicId, title: 'ci', repositoryId, level },
  });
  const cases = (['private', 'public'] as const).flatMap((visibility) =>
    STANDINGS.flatMap((standing) => REPO_RIGHTS.map((right) => ({ visibility, standing, right }))),
  );

  test.each(['read', 'write'] as const)('to %s opens its repository for that and nothing else', (level) => {
    for (const { visibility, standing, right } of cases) {
      for (const rules of [OPEN, CLOSED]) {
        // By whatever standing: it stands for nobody.
        const verdict = decideRepo(keyTo(level), standing, repo(visibility), right, rules);
        const isAllowed = right === 'read' || (right === 'write' && level === 'write');
        expect([visibility, right, kindOf(verdict)]).toEqual([
          visibility,
          right,
          isAllowed ? 'granted' : 'denied',
        ]);
      }
    }
  });

  test('sees no other repository, not even a public one', () => {
    for (const { visibility, standing, right } of cases) {
      const verdict = decideRepo(keyTo('write', OTHER_REPO), standing, repo(visibility), right, OPEN);
      expect(verdict.kind).toBe('hidden');
    }
  });

  test('reads an archived repository and does not write to it', () => {
    const archived = { ...repo('private'), archivedAt: 1 };
    expect(decideRepo(keyTo('write'), 'none', archived, 'read', OPEN).kind).toBe('granted');
    expect(decideRepo(keyTo('write'), 'none', archived, 'write', OPEN).kind).toBe('denied');
  });

  test('has no right in any namespace', () => {
    for (const standing of STANDINGS)
      for (const right of NAMESPACE_RIGHTS)
        expect(decideNamespace(keyTo('write'), standing, right, { id: LAB }).kind).toBe('denied');
  });
});
