import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { heldBytes } from '../support/held-bytes.ts';
import { expectNothingStored, type TestHub } from '../support/hub.ts';
import { createRepo, fileLine, startPeopledHub, tokenOf } from '../support/scenario.ts';
import { freePort, makeSshKey, type SshKeyPair } from '../support/ssh.ts';

/*
 * Sessions that no git makes (reliability reference, 3.13), by a client that does what it is told. After each of them the
 * hub serves others as before, and holds nothing that it did not hold.
 */

let hub: TestHub;
let port = 0;
let folder = '';
let owner: SshKeyPair;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-ssh-hostile-'));
  port = await freePort();
  hub = await startPeopledHub(['--ssh-port', String(port)]);
  const repo = await createRepo(hub, 'owner/repo');
  await repo.commit([fileLine('a.txt', 'a')]);
  owner = makeSshKey(folder, 'owner');
  const added = await hub.send('POST', '/api/user/keys', {
    token: tokenOf('owner'),
    body: { key: owner.publicLine },
  });
  expect(added.status).toBe(201);
  // The first use of a key is written a moment later, and would be taken for something that was left behind.
  await run(await open(), 'nothing');
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** The inner parts of ssh2 with which a client says what it should not. */
interface Inner {
  readonly _protocol: {
    session(channel: number, window: number, packetSize: number): void;
    exec(channel: number, command: string, wantReply: boolean): void;
    channelData(channel: number, data: Buffer): void;
    ping(): void;
  };
  readonly _chanMgr: { add(value: unknown): number };
}
const innerOf = (client: ssh2.Client): Inner => client as unknown as Inner;

interface Opened {
  readonly client: ssh2.Client;
  readonly closed: Promise<void>;
}

function open(more: Partial<ssh2.ConnectConfig> = {}): Promise<Opened> {
  const client = new ssh2.Client();
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  const key = { privateKey: readFileSync(owner.file) };
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    void closed.then(() => reject(new Error('The connection ended.')));
    client.once('ready', () => resolve({ client, closed }));
    client.connect({ host: '127.0.0.1', port, username: 'git', ...key, ...more });
  });
}

const failureOf = (more: Partial<ssh2.ConnectConfig>): Promise<string> =>
  open(more).then(
    ({ client }) => {
      client.end();
      return 'came in';
    },
    (error: Error) => error.message,
  );

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  { client }: Opened,
  command: string,
  options: ssh2.ExecOptions = {},
  input: string | undefined = '0000',
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    client.exec(command, options, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      const output = { stdout: '', stderr: '' };
      channel.on('data', (piece: Buffer) => (output.stdout += piece.toString('latin1')));
      channel.stderr.on('data', (piece: Buffer) => (output.stderr += piece.toString('latin1')));
      channel.on('close', (status: number | null) => resolve({ status, ...output }));
      channel.end(input);
    });
  });
}

async function expectServesOthers(): Promise<void> {
  const other = await open();
  const { status, stdout } = await run(other, "git-upload-pack 'owner/repo'");
  expect([status, stdout.includes('refs/heads/main')]).toEqual([0, true]);
  other.client.end();
  expect(hub.loggedErrors()).toEqual([]);
}

const within = async <Value>(promise: Promise<Value>, ms: number, what: string): Promise<Value> => {
  const late = delay(ms, 'late' as const, { ref: false });
  const first = await Promise.race([promise, late]);
  if (first === 'late') throw new Error(`${what} took more than ${ms} ms.`);
  return first as Value;
};

describe('coming in', () => {
  const unknownKey = makeUnknown();
  test.each([
    ['an unknown key', { privateKey: unknownKey }],
    ['another user name', { username: 'root' }],
    ['the name of the owner of the key', { username: 'owner' }],
    ['an empty user name and an unknown key', { username: '\0', privateKey: unknownKey }],
    ['a user name of 10 KB', { username: 'g'.repeat(10_000) }],
    ['a password', { privateKey: undefined, password: 'secret' }],
    ['a token as password', { privateKey: undefined, password: tokenOf('owner') ?? '' }],
    ['questions on the keyboard', { privateKey: undefined, tryKeyboard: true }],
    ['nothing at all', { privateKey: undefined, authHandler: ['none'] }],
  ] as const)('by %s fails in the one way there is', async (_what, more) => {
    await expectNothingStored(hub, async () => {
      expect(await failureOf(more as Partial<ssh2.ConnectConfig>)).toBe(
        'All configured authentication methods failed',
      );
    });
    await expectServesOthers();
  });

  test('with the signature of another key fails', async () => {
    const known = ssh2.utils.parseKey(owner.publicLine);
    const other = ssh2.utils.parseKey(unknownKey);
    if (known instanceof Error || other instanceof Error) throw new Error('These are no keys.');
    class LyingAgent extends ssh2.BaseAgent<ssh2.ParsedKey> {
      override getIdentities(callback: (error: null, keys: ssh2.ParsedKey[]) => void): void {
        callback(null, [known as ssh2.ParsedKey]);
      }
      override sign(...args: unknown[]): void {
        const callback = args.at(-1) as (error: null, signature: Buffer) => void;
        callback(null, (other as ssh2.ParsedKey).sign(args[1] as Buffer) as Buffer);
      }
    }
    expect(
      await failureOf({ agent: new LyingAgent(), privateKey: undefined } as unknown as ssh2.ConnectConfig),
    ).toBe('All configured authentication methods failed');
  });

  test('with 1,000 keys ends after 6 of them', async () => {
    const keys = Array.from({ length: 50 }, makeUnknown);
    let offered = 0;
    const message = await failureOf({
      authHandler: ((_left: unknown, _partial: unknown, next: (method: object) => void) => {
        offered += 1;
        const key = ssh2.utils.parseKey(keys[offered % keys.length] ?? '');
        setImmediate(() => next({ type: 'publickey', username: 'git', key }));
      }) as unknown as ssh2.AuthHandlerMiddleware,
    });
    expect(message).not.toBe('came in');
    expect(offered).toBeLessThanOrEqual(7);
    await expectServesOthers();
  });

  test('not at all, or only halfway, ends after 15 seconds', async () => {
    const started = performance.now();
    const quiet = new Promise<number>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.resume();
      socket.on('close', () => resolve(performance.now() - started));
    });
    const babbling = new Promise<number>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      const timer = setInterval(() => socket.write('hello\r\n'), 500);
      socket.on('close', () => {
        clearInterval(timer);
        resolve(performance.now() - started);
      });
    });
    const unnamed = new Promise<number>((resolve) => {
      const client = new ssh2.Client();
      client.on('error', () => undefined);
      client.on('close', () => resolve(performance.now() - started));
      const never = (): void => undefined;
      client.connect({
        host: '127.0.0.1',
        port,
        username: 'git',
        authHandler: never as never,
        readyTimeout: 60_000,
      });
    });
    for (const ms of await Promise.all([quiet, babbling, unnamed])) {
      expect(ms).toBeLessThan(17_000);
    }
    await expectServesOthers();
  });

  test('from one address too often at once ends the newest, and a known key comes in meanwhile', async () => {
    const strangers = Array.from({ length: 15 }, () => connect(port, '127.0.0.1'));
    for (const socket of strangers) socket.on('error', () => undefined).resume();
    await delay(200);
    await expectServesOthers();
    const more = Array.from({ length: 10 }, () => connect(port, '127.0.0.1'));
    const ends = more.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on('error', () => undefined).resume();
          socket.on('close', () => resolve());
        }),
    );
    await within(Promise.all(ends.slice(1)), 3000, 'Turning away');
    for (const socket of [...strangers, ...more]) socket.destroy();
    await delay(100);
    await expectServesOthers();
  });

  test('is slowed down after many failures, and not for a known key', async () => {
    const again = Array.from({ length: 5 }, () => ({
      ...({ type: 'publickey', username: 'git', key: unknownKey } as const),
    }));
    for (let connections = 0; connections < 12; connections++) await failureOf({ authHandler: again });
    const started = performance.now();
    await failureOf({ privateKey: unknownKey });
    expect(performance.now() - started).toBeGreaterThan(900);
    // The best of three, so that a busy machine does not count.
    const known: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const before = performance.now();
      const { client } = await open();
      client.end();
      known.push(performance.now() - before);
    }
    expect(Math.min(...known)).toBeLessThan(900);
    hub.advance(10 * 60_000);
  });

  test('leaves no key behind in the log', () => {
    const secret = readFileSync(owner.file, 'utf8').split('\n')[2] ?? '';
    expect(hub.logged().some((line) => line.includes(secret))).toBe(false);
  });
});

describe('asking for more than git', () => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => {
    opened.client.end();
  });
  type Answered = (error: Error | undefined) => void;

  test.each<readonly [string, (client: ssh2.Client, done: Answered) => void]>([
    ['sftp', (client, done) => client.sftp(done)],
    ['an unknown subsystem', (client, done) => client.subsys('netconf', done)],
    ['a terminal', (client, done) => client.exec('bash', { pty: true }, done)],
    ['X11', (client, done) => client.exec('bash', { x11: true }, done)],
    [
      'a connection to elsewhere',
      (client, done) => client.forwardOut('127.0.0.1', 1, '127.0.0.1', 22, done as never),
    ],
    ['connections from elsewhere', (client, done) => client.forwardIn('127.0.0.1', 0, done as never)],
    ['a socket', (client, done) => client.openssh_forwardOutStreamLocal('/run/x.sock', done as never)],
    [
      'to listen on a socket',
      (client, done) => client.openssh_forwardInStreamLocal('/run/x.sock', done as never),
    ],
  ])('%s is refused', async (_what, ask) => {
    const error = await new Promise<Error | undefined>((resolve) => ask(opened.client, resolve as Answered));
    expect(error).toBeInstanceOf(Error);
  });

  test('a shell only greets', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      opened.client.shell(false, (error, channel) => {
        if (error) reject(error);
        else channel.on('close', resolve).resume();
      });
    });
    expect(status).toBe(1);
  });

  test.each([
    [{ GIT_PROTOCOL: 'version=2' }, 'version 2'],
    [{ GIT_PROTOCOL: 'version=1' }, 'version 1'],
    [{ GIT_PROTOCOL: 'version=0' }, 'refs'],
    [{ GIT_PROTOCOL: 'version=9' }, 'refs'],
    [{ GIT_PROTOCOL: 'version=2\n' }, 'refs'],
    [{ GIT_PROTOCOL: 'version=2\nversion=2' }, 'refs'],
    [{ GIT_PROTOCOL: '$(version=2)' }, 'refs'],
    [{ git_protocol: 'version=2' }, 'refs'],
    [{ LD_PRELOAD: '/x.so', GIT_DIR: '/', GIT_CONFIG_COUNT: '1', PATH: '/' }, 'refs'],
  ])('of the variables %o comes %s', async (env, expected) => {
    const { status, stdout } = await run(opened, "git-upload-pack 'owner/repo'", { env });
    expect(status).toBe(0);
    const first = stdout.slice(4, 13);
    expect(first.startsWith('version ') ? first : 'refs').toBe(expected);
  });

  test('two commands in one session are one', async () => {
    const { client } = opened;
    const first = await new Promise<ssh2.ClientChannel>((resolve, reject) => {
      client.exec("git-upload-pack 'owner/repo'", (error, channel) =>
        error ? reject(error) : resolve(channel),
      );
    });
    const { outgoing } = first as unknown as { outgoing: { id: number } };
    innerOf(client)._protocol.exec(outgoing.id, "git-upload-pack 'owner/repo'", false);
    const ended = new Promise((resolve) => first.on('close', resolve));
    first.resume();
    first.end('0000');
    expect(await ended).toBe(0);
  });
});

/** Open sessions with limits of the client's choice, without waiting for an answer. */
function openSession(client: ssh2.Client, window: number, packetSize: number): number {
  const inner = innerOf(client);
  const id = inner._chanMgr.add(() => undefined);
  inner._protocol.session(id, window, packetSize);
  return id;
}

describe('keeping to no limit', () => {
  test('1,000 channels: ten are opened, and the connection ends', async () => {
    const { client, closed } = await open();
    client.on('error', () => undefined);
    let answered = 0;
    for (let count = 0; count < 1000; count++)
      client.exec("git-upload-pack 'owner/repo'", (error) => void (error ?? (answered += 1)));
    await within(closed, 5000, 'The end');
    expect(answered).toBeLessThanOrEqual(10);
    await expectServesOthers();
  });

  test.each([
    ['a window of 2^32 - 1', 2 ** 32 - 1, 32_768],
    ['packets of 2^32 - 1', 2 ** 21, 2 ** 32 - 1],
    ['packets of 0', 2 ** 21, 0],
    ['packets of 1', 2 ** 21, 1],
    ['a window of 0', 0, 32_768],
  ])('%s does not hold the hub up', async (_what, window, packetSize) => {
    const { client, closed } = await open();
    client.on('error', () => undefined);
    const id = openSession(client, window, packetSize);
    await delay(50);
    innerOf(client)._protocol.exec(id, "git-upload-pack 'owner/repo'", true);
    await delay(100);
    await expectServesOthers();
    client.destroy();
    await closed;
    await expectServesOthers();
  });

  test('a command of 10 MB ends the connection', async () => {
    const { client, closed } = await open();
    client.on('error', () => undefined);
    client.exec('a'.repeat(10 << 20), () => undefined);
    await within(closed, 5000, 'The end');
    await expectServesOthers();
  });

  test('a command of 30 KB is refused', async () => {
    const opened = await open();
    const ran = await run(opened, `git-upload-pack '${'a'.repeat(30_000)}/b'`);
    expect(ran).toMatchObject({ status: 1, stdout: '', stderr: 'The command is too long.\n' });
    opened.client.end();
  });

  test('data beyond the window ends the connection before it fills the memory', async () => {
    const { client, closed } = await open();
    client.on('error', () => undefined);
    const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) => {
      // It waits for its window, and reads nothing meanwhile.
      client.exec("git-upload-pack 'owner/repo'", (error, opened) =>
        error ? reject(error) : resolve(opened),
      );
    });
    channel.pause();
    const { outgoing } = channel as unknown as { outgoing: { id: number } };
    const before = heldBytes();
    // A packet that says it is longer than what comes: the reader waits for the rest, and takes no more than it needs.
    const junk = Buffer.alloc(30_000, 'f');
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    for (let sent = 0; sent < 64 << 20 && !isClosed; sent += junk.length) {
      try {
        innerOf(client)._protocol.channelData(outgoing.id, junk);
      } catch {
        break;
      }
      if (sent % 3_000_000 < junk.length) await delay(1);
    }
    await within(closed, 10_000, 'Ending the connection');
    expect(heldBytes() - before).toBeLessThan(32 << 20);
    client.destroy();
    await expectServesOthers();
  });

  test('a client that goes in the middle of everything leaves nothing', async () => {
    await expectNothingStored(hub, async () => {
      for (const command of ["git-upload-pack 'owner/repo'", "git-receive-pack 'owner/repo'"]) {
        const { client, closed } = await open();
        client.on('error', () => undefined);
        client.exec(command, (_error, channel) => channel?.write('00a4'));
        openSession(client, 1000, 1000);
        await delay(60);
        client.destroy();
        await closed;
      }
    });
    await expectServesOthers();
  });
});

test('bytes that are no SSH are answered by an end', async () => {
  for (const bytes of [
    'GET / HTTP/1.1\r\n\r\n',
    'SSH-1.5-old\r\n',
    '\0'.repeat(9000),
    'SSH-2.0-x\r\n\xff\xff\xff\xff',
  ]) {
    const socket = connect(port, '127.0.0.1');
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined).resume();
    socket.write(Buffer.from(bytes, 'latin1'));
    await within(ended, 16_000, 'The end');
  }
  await expectServesOthers();
});

function makeUnknown(): string {
  // ssh2 reads this form of RSA keys; those of Ed25519 it wants in that of OpenSSH.
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
  }).privateKey;
}
