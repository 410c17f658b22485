import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../../server/db/stores.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { createApply } from '../../../server/services/apply.ts';
import type { Apply } from '../../../server/services/apply.ts';
import { createPasswords } from '../../../server/services/passwords.ts';
import { createTokens } from '../../../server/services/tokens.ts';
import { createFakeClock, openTemporaryDatabase } from '../../support/people.ts';
import type { TemporaryDatabase } from '../../support/people.ts';

let temporary: TemporaryDatabase;
let db: Database;
let apply: Apply;
const clock = createFakeClock();
const passwords = createPasswords();

beforeEach(async () => {
  temporary = await openTemporaryDatabase();
  db = temporary.db;
  apply = createApply({ db, clock, passwords });
});
afterEach(() => temporary.dispose());

const HASH = '$scrypt$ln=12,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const OTHER_HASH = HASH.replace('MDEy', 'MDEz');

const LAB = `
users:
  - name: ada
    fullname: Ada Lovelace
    email: ada@example.org
    password: tide pools at dawn
    admin: true
    tokens:
      - { name: laptop, role: write }
      - { name: ci, role: read, value: hf_abcdefgh12345678 }
  - name: bot
    password_hash: ${HASH}
organizations:
  - name: lab
    fullname: The Lab
    default_visibility: private
    members:
      - { user: bot, role: member }
      - { user: ada, role: super-admin }
`;

async function applied(text: string) {
  const { changes, secrets } = await apply(text);
  return {
    secrets,
    lines: changes.map(({ kind, name, action, fields }) => [kind, name, action, ...fields].join(' ')),
  };
}

async function problemsOf(text: string): Promise<readonly string[]> {
  const refusal = await apply(text).then(
    () => undefined,
    (error: unknown) => error as { readonly code: string; readonly details: { readonly problems: string[] } },
  );
  expect(refusal?.code).toBe('InvalidBody');
  return refusal?.details.problems ?? [];
}

describe('applying a description of people', () => {
  it('makes everything it names, and shows a generated token once', async () => {
    const { lines, secrets } = await applied(LAB);
    expect(lines).toEqual([
      'user ada created',
      'token ada/laptop created',
      'token ada/ci created',
      'user bot created',
      'organization lab created',
      'member lab/ada created',
      'member lab/bot created',
    ]);
    expect(secrets).toEqual([
      {
        user: 'ada',
        name: 'laptop',
        role: 'write',
        secret: expect.stringMatching(/^hf_[A-Za-z0-9]{46}$/) as string,
      },
    ]);
    const tokens = createTokens({ db, clock, log: silentLog });
    expect(await tokens.authenticate(secrets[0]?.secret ?? '')).toMatchObject({
      user: { name: 'ada', isAdmin: true },
    });
    expect(await tokens.authenticate('hf_abcdefgh12345678')).toMatchObject({
      token: { name: 'ci', role: 'read' },
    });
    const stored = await db.read(async ({ accounts, organizations }) => {
      const [ada, bot, lab] = [
        await accounts.findUser('ada'),
        await accounts.findUser('bot'),
        await organizations.find('lab'),
      ];
      if (!ada || !bot || !lab) throw new Error('Something is missing.');
      return {
        ada,
        lab,
        adaHash: await accounts.passwordHash(ada.id),
        botHash: await accounts.passwordHash(bot.id),
      };
    });
    expect(stored.ada).toMatchObject({ fullName: 'Ada Lovelace', email: 'ada@example.org' });
    expect(stored.lab).toMatchObject({ fullName: 'The Lab', defaultVisibility: 'private' });
    expect(stored.botHash).toBe(HASH);
    expect(await passwords.verify('tide pools at dawn', stored.adaHash)).toBe(true);
  });

  it('changes nothing when applied again', async () => {
    await apply(LAB);
    const before = await db.read(({ accounts }) => accounts.listUsers());
    const { lines, secrets } = await applied(LAB);
    expect(lines.filter((line) => !line.endsWith('unchanged'))).toEqual([]);
    expect(lines).toHaveLength(7);
    expect(secrets).toEqual([]);
    expect(await db.read(({ accounts }) => accounts.listUsers())).toEqual(before);
  });

  it('sets what differs, says what, and leaves what it does not mention', async () => {
    const { secrets } = await applied(LAB);
    const changed = LAB.replace('Ada Lovelace', 'Ada')
      .replace('tide pools at dawn', 'another fine morning')
      .replace('{ name: laptop, role: write }', '{ name: laptop, role: read }')
      .replace('hf_abcdefgh12345678', 'hf_abcdefgh12345679')
      .replace(HASH, OTHER_HASH)
      .replace('private', 'public')
      .replace('role: member', 'role: admin')
      .replace('    email: ada@example.org\n', '');
    expect((await applied(changed)).lines).toEqual([
      'user ada changed fullname password',
      'token ada/laptop changed role',
      'token ada/ci changed value',
      'user bot changed password',
      'organization lab changed default_visibility',
      'member lab/ada unchanged',
      'member lab/bot changed role',
    ]);
    const tokens = createTokens({ db, clock, log: silentLog });
    expect(await tokens.authenticate(secrets[0]?.secret ?? '')).toMatchObject({ token: { role: 'read' } });
    expect(await tokens.authenticate('hf_abcdefgh12345678')).toBeUndefined();
    expect(await tokens.authenticate('hf_abcdefgh12345679')).toBeDefined();
    const ada = await db.read(({ accounts }) => accounts.findUser('ada'));
    expect(ada).toMatchObject({ email: 'ada@example.org', fullName: 'Ada' });
  });

  it('never removes', async () => {
    await apply(LAB);
    const { lines } = await applied(
      '{"organizations": [{"name": "lab", "members": []}], "users": [{"name": "ADA"}]}',
    );
    expect(lines).toEqual(['user ada unchanged', 'organization lab unchanged']);
    const left = await db.read(async ({ accounts, organizations }) => ({
      users: (await accounts.listUsers()).length,
      lab: await organizations.find('lab'),
    }));
    expect(left).toMatchObject({ users: 2, lab: { defaultVisibility: 'private' } });
  });

  it('reads JSON, also with tabs', async () => {
    const text = JSON.stringify({ users: [{ name: 'ada', fullname: 'Ada: "the first"' }] }, null, '\t');
    expect((await applied(text)).lines).toEqual(['user ada created']);
  });

  it('ends the sessions of a user whose password it changes', async () => {
    await apply(LAB);
    const ada = await db.read(({ accounts }) => accounts.findUser('ada'));
    if (!ada) throw new Error('Ada is missing.');
    const hash = Buffer.alloc(32, 1);
    const now = clock.now();
    await db.write(({ accounts }) =>
      accounts.createSession({ hash, userId: ada.id, client: '', now, expiresAt: now + 1000 }),
    );
    await apply(LAB.replace('tide pools at dawn', 'another fine morning'));
    expect(await db.read(({ accounts }) => accounts.findSession(hash, now, 0))).toBeUndefined();
  });

  it('hands an organization from its last super-admin to another in one go', async () => {
    await apply(LAB);
    const handed = LAB.replace('user: ada, role: super-admin', 'user: ada, role: visitor').replace(
      'user: bot, role: member',
      'user: bot, role: super-admin',
    );
    expect((await applied(handed)).lines.slice(-2)).toEqual([
      'member lab/bot changed role',
      'member lab/ada changed role',
    ]);
  });
});

describe('a description that is not right', () => {
  it('changes nothing and says all that is wrong, with its place', async () => {
    const problems = await problemsOf(`
users:
  - name: settings
    fullnam: Typo
  - name: ada
    password: 12345678
    password_hash: secret
    email: nowhere
    admin: "yes"
    tokens:
      - { name: a, role: owner }
      - { name: a, role: read, value: short }
organizations:
  - name: Ada
    default_visibility: hidden
    members:
      - { user: nobody, role: boss }
      - { user: NOBODY, role: member }
  - lab
other: 1
`);
    expect(problems.map((problem) => problem.slice(0, 60))).toEqual([
      expect.stringMatching(/^the file: "other" is not known/),
      expect.stringMatching(/^users\[0\]: "fullnam" is not known/),
      expect.stringMatching(/^users\[0\]\.name: .*reserved/),
      expect.stringMatching(/^users\[1\]: has both/),
      expect.stringMatching(/^users\[1\]\.password_hash: /),
      expect.stringMatching(/^users\[1\]\.admin: /),
      expect.stringMatching(/^users\[1\]\.tokens\[0\]\.role: must be "read" or "write"/),
      expect.stringMatching(/^users\[1\]\.tokens\[1\]\.value: /),
      expect.stringMatching(/^users\[1\]\.tokens: the name "a" is there twice/),
      expect.stringMatching(/^users\[1\]\.email: /),
      expect.stringMatching(/^users\[1\]\.password: /),
      expect.stringMatching(/^organizations\[0\]\.members\[0\]\.role: /),
      expect.stringMatching(/^organizations\[0\]\.members: the user "nobody" is there twice/),
      expect.stringMatching(/^organizations\[0\]\.default_visibility: /),
      expect.stringMatching(/^organizations\[1\]: must be an object/),
      expect.stringMatching(/^organizations\[1\]\.name: /),
      expect.stringMatching(/^the file: the name "ada" is there twice/),
    ]);
    expect(await db.read(({ accounts }) => accounts.countUsers())).toBe(0);
  });

  it('is refused where it contradicts what is there', async () => {
    await apply(LAB);
    const problems = await problemsOf(
      `
users:
  - name: LAB2
  - { name: bot, tokens: [{ name: other, role: read, value: hf_abcdefgh12345678 }] }
  - { name: ada, admin: false }
organizations:
  - { name: club, members: [{ user: stranger, role: member }] }
  - { name: lab, members: [{ user: ada, role: admin }] }
`,
    );
    expect(problems).toEqual([
      'users[1].tokens: the value of "other" belongs to another token already.',
      'organizations[0].members: there is no user "stranger".',
      'organizations[1].members: the last super-admin would get another role.',
      'users: no administrator of the hub would be left.',
    ]);
    expect(await problemsOf('{users: [{name: LAB}], organizations: [{name: BOT}]}')).toEqual([
      'users[0].name: "LAB" is the name of an organization.',
      'organizations[0].name: "BOT" is the name of a user.',
    ]);
    expect(await db.read(({ accounts }) => accounts.countUsers())).toBe(2);
  });

  it.each([
    ['an empty file', ''],
    ['a list', '[]'],
    ['text', 'users'],
    ['two documents', 'users: []\n---\nusers: []'],
    ['a key that is there twice', 'users: []\nusers: []'],
    ['a custom tag', 'users: !!js/function "x"'],
    ['a prototype', '{"__proto__": {"users": []}}'],
    [
      'two tokens of one value',
      '{users: [{name: a, tokens: [{name: x, role: read, value: hf_12345678}, {name: y, role: read, value: hf_12345678}]}]}',
    ],
    [
      'a token of our length with wrong check characters',
      `{users: [{name: a, tokens: [{name: x, role: read, value: hf_${'a'.repeat(46)}}]}]}`,
    ],
    ['deep nesting', '['.repeat(100_000)],
    ['more than 2 MiB', ' '.repeat(2 ** 21 + 1)],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh']
        .map(
          (name, index) =>
            `${name}: &${name} [${Array(9)
              .fill(`*${'abcdefg'[index] ?? ''}`)
              .join(',')}]`,
        )
        .join('\n')}\nusers: *h`,
    ],
  ])('is refused when it is %s', async (_, text) => {
    const started = performance.now();
    expect((await problemsOf(text)).length).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('shows no password and no token value in what it says', async () => {
    const problems = await problemsOf(
      '{users: [{name: a, password: "short", tokens: [{name: x, role: read, value: "hf_plant!"}]}]}',
    );
    expect(problems.join()).not.toMatch(/"short"|plant/);
  });
});
