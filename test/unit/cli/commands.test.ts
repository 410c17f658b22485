import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerCommand } from '../../../server/cli/commands.ts';
import { execute } from '../../../server/cli/execute.ts';
import { parseCommandLine } from '../../../server/cli/parse.ts';
import type { CommandServices, OpenHub } from '../../../server/cli/services.ts';
import { loadConfig } from '../../../server/config/load.ts';
import type { Config } from '../../../server/config/schema.ts';
import { conflict } from '../../../server/domain/errors.ts';
import { openControlSocket } from '../../../server/platform/control-socket.ts';
import type { ControlSocket } from '../../../server/platform/control-socket.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { createAccounts } from '../../../server/services/accounts.ts';
import { createApply } from '../../../server/services/apply.ts';
import { createPasswords } from '../../../server/services/passwords.ts';
import { createSignInLimits } from '../../../server/services/sign-in-limits.ts';
import { createTokens } from '../../../server/services/tokens.ts';
import { createFakeTerminal } from '../../support/fake-terminal.ts';
import { createFakeClock, openTemporaryDatabase } from '../../support/people.ts';
import type { TemporaryDatabase } from '../../support/people.ts';

const clock = createFakeClock();
let temporary: TemporaryDatabase;
let services: CommandServices;
let config: Config;
let running: ControlSocket | undefined;
let opened: number;
let imported: unknown[];

beforeEach(async () => {
  temporary = await openTemporaryDatabase();
  const { db } = temporary;
  const passwords = createPasswords();
  services = {
    now: () => clock.now(),
    accounts: createAccounts({ db, clock, passwords, limits: createSignInLimits(clock) }),
    tokens: createTokens({ db, clock, log: silentLog }),
    apply: createApply({ db, clock, passwords }),
    listRepos: () => db.read(({ repos }) => repos.listAll(undefined, 1000)),
    exportRepo: (kind, name, folder) => Promise.resolve({ exported: `${kind} ${name} ${folder}` }),
    importRepo: ({ kind, owner, name, ...wish }) => {
      imported.push(wish);
      const made = { kind, name: `${owner}/${name}`, private: wish.isPrivate, defaultBranch: 'main' };
      return Promise.resolve({ ...made, branches: 1, tags: 2, largeFiles: 0, largeBytes: 0 });
    },
    runDoctor: ({ full }) =>
      Promise.resolve({
        problems: full ? [{ invariant: 'I-02', what: 'a commit is missing', repo: 'ada/model' }] : [],
        checked: { repositories: 1, objects: 7 },
      }),
  };
  const dataDir = mkdtempSync(join(tmpdir(), 'atoll-cli-'));
  const loaded = loadConfig({
    flags: new Map([['data-dir', [dataDir]]]),
    env: {},
    file: undefined,
    place: { platform: 'linux', homeDir: '/', workDir: '/' },
  });
  if (!loaded.ok) throw new Error('The configuration is wrong.');
  config = loaded.config;
  running = undefined;
  opened = 0;
  imported = [];
});
afterEach(async () => {
  await running?.close();
  await temporary.dispose();
  rmSync(config.dataDir, { recursive: true });
});

const openHub: OpenHub = () => {
  if (running) return Promise.reject(conflict('atoll (process 1) has used this data folder.'));
  opened += 1;
  return Promise.resolve({
    services,
    close: () => {
      opened -= 1;
      return Promise.resolve();
    },
  });
};

async function startHub(): Promise<void> {
  running = await openControlSocket({
    dataDir: config.dataDir,
    log: silentLog,
    handle: (name, input) => answerCommand(services, name, input),
  });
}

/** Type a command; gives what it prints, its result and its exit code. */
async function type(line: string, terminal = createFakeTerminal(), hub = { openHub, clock }) {
  const parsed = parseCommandLine(line.split(' '));
  if (parsed.kind !== 'command') throw new Error(`${line}: ${JSON.stringify(parsed)}`);
  const { command, given } = parsed;
  const input = await command.prepare(given, terminal);
  const result = await execute(config, command, input, hub);
  return { result, text: command.print(result), code: command.exitCode?.(result) ?? 0 };
}

describe.each(['a stopped hub', 'a running hub'])('commands on %s', (state) => {
  beforeEach(async () => {
    if (state === 'a running hub') await startHub();
  });
  afterEach(() => expect(opened).toBe(0));

  it('create and list users', async () => {
    const password = createFakeTerminal({ answers: ['tide pools at dawn', 'tide pools at dawn'] });
    const { text } = await type('admin create ada --fullname Ada --email ada@example.org', password);
    expect(text).toBe('Created the administrator ada.\n');
    await type('user create bot --without-password');
    const { result, text: table } = await type('user list');
    expect(result).toMatchObject([
      {
        name: 'ada',
        fullName: 'Ada',
        email: 'ada@example.org',
        isAdmin: true,
        createdAt: '2026-01-01T00:00:00.000Z',
      },
      { name: 'bot', fullName: 'bot', email: null, isAdmin: false },
    ]);
    expect(table.split('\n')[1]).toBe('ada   Ada        ada@example.org  admin  2026-01-01T00:00:00.000Z');
    const signedIn = createAccounts({
      db: temporary.db,
      clock,
      passwords: createPasswords(),
      limits: createSignInLimits(clock),
    }).signIn({ name: 'ada', password: 'tide pools at dawn', source: 'here' });
    expect(await signedIn).toMatchObject({ name: 'ada' });
  });

  it('create, list and revoke tokens', async () => {
    await type('user create ada --without-password');
    const { text } = await type('token create ada --name ci --role read --expires-in-days 2');
    expect(text).toMatch(/^hf_[A-Za-z0-9]{46}\n$/);
    await type('token create ada');
    const { result } = await type('token list ada');
    expect(result).toMatchObject([
      { user: 'ada', name: 'ci', role: 'read', expiresAt: '2026-01-03T00:00:00.000Z', lastUsedAt: null },
      { user: 'ada', name: 'cli', role: 'write', expiresAt: null },
    ]);
    expect(JSON.stringify(result)).not.toContain(text.trim());
    expect((await type('token revoke ada ci')).text).toBe('Revoked the token "ci" of ada.\n');
    expect((await type('token list ada')).text).not.toContain('ci ');
    await expect(type('token revoke ada ci')).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('apply a file, or the standard input', async () => {
    const text = '{users: [{name: ada, tokens: [{name: ci, role: read}]}]}';
    const first = await type('apply people.yaml', createFakeTerminal({ files: { 'people.yaml': text } }));
    expect(first.text).toMatch(
      /^created user ada\ncreated token ada\/ci\ntoken ada\/ci \(read\), shown only now: hf_\w{46}\n0 unchanged\n$/,
    );
    const again = await type('apply -', createFakeTerminal({ input: text }));
    expect(again.text).toBe('2 unchanged\n');
  });

  it('list repositories, with the kind in front of the name', async () => {
    await temporary.db.write(async ({ accounts, repos }) => {
      const now = clock.now();
      const owner = await accounts.createUser({
        name: 'ada',
        fullName: 'Ada',
        email: undefined,
        passwordHash: undefined,
        isAdmin: false,
        now,
      });
      const rest = { owner, defaultBranch: 'main', createdBy: owner.id, now };
      await repos.create({ ...rest, kind: 'model', name: 'one', visibility: 'public' });
      await repos.create({ ...rest, kind: 'dataset', name: 'two', visibility: 'private' });
    });
    const { result, text } = await type('repo list');
    expect(result).toMatchObject([
      { kind: 'model', name: 'ada/one', private: false },
      { kind: 'dataset', name: 'ada/two', private: true },
    ]);
    expect(text).toContain('datasets/ada/two  private');
  });

  it('export into a folder that is named from where the command was typed', async () => {
    const { result } = await type('repo export spaces/ada/demo ./out');
    expect(result).toMatchObject({ kind: 'space', name: 'ada/demo', folder: join(process.cwd(), 'out') });
    await expect(type('repo export demo out')).rejects.toMatchObject({ code: 'InvalidRequest' });
  });

  it('import with a token that no argument holds', async () => {
    const terminal = createFakeTerminal({ files: { secret: 'hf_secret\n' } });
    const url = 'https://hub.example.org/ada/demo';
    const { text } = await type(
      `repo import ${url}/ datasets/ada/demo --token-file secret --private`,
      terminal,
    );
    expect(text).toBe(
      'Imported datasets/ada/demo: 1 branch, 2 tags, 0 large files. Its default branch is main.\n',
    );
    await type(`repo import ${url} ada/demo --kind dataset`);
    expect(imported).toEqual([
      { url, isPrivate: true, credentials: { user: 'git', secret: 'hf_secret' } },
      { url, isPrivate: false, credentials: undefined },
    ]);
  });

  it.each([
    ['ssh://hub/ada/demo ada/demo', 'URL must begin with http:// or https://.'],
    ['nowhere ada/demo', 'URL must begin with http:// or https://.'],
    ['https://ada:pw@hub/ada/demo ada/demo', 'URL must not hold a password'],
    ['https://hub/ada/demo?x=1 ada/demo', 'URL must not have a "?" or "#".'],
    ['https://hub/ada/demo demo', 'NAME must be "owner/name"'],
    ['https://hub/ada/demo ada/demo --kind folder', '--kind must be one of "model", "dataset", "space"'],
    ['https://hub/ada/demo spaces/ada/demo --kind model', 'the same as in NAME'],
    ['https://hub/ada/demo ada/demo --token-stdin --token-file x', 'Give either --token-stdin or'],
  ])('do not import by "%s"', async (line, message) => {
    await expect(type(`repo import ${line}`)).rejects.toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining(message) as string,
    });
    expect(imported).toEqual([]);
  });

  it('end with 1 when doctor finds something', async () => {
    expect(await type('doctor')).toMatchObject({
      code: 0,
      text: 'No problems. Checked: 1 repositories, 7 objects.\n',
    });
    const { code, text } = await type('doctor --full');
    expect(code).toBe(1);
    expect(text).toBe(
      'I-02  ada/model: a commit is missing\n1 problem. Checked: 1 repositories, 7 objects.\n',
    );
  });

  it('carry the error of the hub', async () => {
    await expect(type('token create nobody')).rejects.toMatchObject({ code: 'NotFound' });
    await expect(type('user create settings --without-password')).rejects.toMatchObject({
      code: 'ReservedName',
    });
  });
});

describe('a command', () => {
  it('waits for a hub that has the folder and is not ready yet', async () => {
    let pauses = 0;
    const patient = {
      openHub: () => Promise.reject(conflict('atoll (process 1) has used this data folder.')),
      clock: {
        ...clock,
        sleep: async () => {
          pauses += 1;
          if (pauses === 3) await startHub();
        },
      },
    };
    expect((await type('user list', undefined, patient)).result).toEqual([]);
  });

  it('names who holds the folder when no hub answers', async () => {
    const other = {
      openHub: () => Promise.reject(conflict('atoll (process 1) has used this data folder.')),
      clock: { ...clock, sleep: () => Promise.resolve(clock.advance(1000)) },
    };
    await expect(type('user list', undefined, other)).rejects.toMatchObject({
      message: 'atoll (process 1) has used this data folder.',
    });
  });

  it('of another version is refused by the hub', async () => {
    await expect(answerCommand(services, 'user rename', {})).rejects.toMatchObject({
      code: 'InvalidRequest',
    });
    await expect(answerCommand(services, 'user create', { title: 'x' })).rejects.toMatchObject({
      code: 'InvalidRequest',
    });
  });
});

describe('a password', () => {
  it('is read from a file or the standard input, without the end of its line', async () => {
    const terminal = createFakeTerminal({
      input: 'tide pools at dawn\n',
      files: { secret: 'another fine morning\r\n' },
    });
    await type('user create ada --password-stdin', terminal);
    await type('user create eve --password-file secret', terminal);
    const stored = await temporary.db.read(async ({ accounts }) => {
      const [ada, eve] = [await accounts.findUser('ada'), await accounts.findUser('eve')];
      return [ada && (await accounts.passwordHash(ada.id)), eve && (await accounts.passwordHash(eve.id))];
    });
    const passwords = createPasswords();
    expect(await passwords.verify('tide pools at dawn', stored[0])).toBe(true);
    expect(await passwords.verify('another fine morning', stored[1])).toBe(true);
  });

  it('is asked for twice', async () => {
    const terminal = createFakeTerminal({ answers: ['tide pools at dawn', 'tide pools at dusk'] });
    await expect(type('user create ada', terminal)).rejects.toMatchObject({
      message: 'The two passwords are not the same.',
    });
  });

  it('cannot be asked for without a terminal', async () => {
    await expect(type('user create ada')).rejects.toMatchObject({ code: 'InvalidRequest' });
  });
});
