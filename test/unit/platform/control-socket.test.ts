import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubError } from '../../../server/domain/errors.ts';
import { askRunningHub, openControlSocket } from '../../../server/platform/control-socket.ts';
import { silentLog } from '../../../server/platform/log.ts';

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'atoll-control-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const echo = async (command: string, input: unknown): Promise<unknown> => ({ command, input });
const open = (handle = echo, folder = dataDir) =>
  openControlSocket({ dataDir: folder, log: silentLog, handle });

describe('the control socket', () => {
  it('carries a command and its result, many at once and large ones too', async () => {
    const socket = await open();
    const texts = Array.from({ length: 20 }, (_, index) => `${index}\n${'é'.repeat(index * 10_000)}`);
    const answers = await Promise.all(texts.map((text) => askRunningHub(dataDir, 'echo', { text })));
    expect(answers).toEqual(texts.map((text) => ({ result: { command: 'echo', input: { text } } })));
    await socket.close();
  });

  it('carries the error a command ends with, and hides what is no HubError', async () => {
    const socket = await open(async (command) => {
      throw command === 'hub'
        ? new HubError('Conflict', 'Taken.', { details: { name: 'ada' } })
        : new Error('inner');
    });
    await expect(askRunningHub(dataDir, 'hub', {})).rejects.toMatchObject({
      code: 'Conflict',
      message: 'Taken.',
      details: { name: 'ada' },
    });
    await expect(askRunningHub(dataDir, 'other', {})).rejects.toMatchObject({
      code: 'Internal',
      message: expect.not.stringContaining('inner') as string,
    });
    await socket.close();
  });

  it('answers undefined when no hub listens, also after one was killed', async () => {
    expect(await askRunningHub(dataDir, 'echo', {})).toBeUndefined();
    writeFileSync(
      join(dataDir, 'control.json'),
      JSON.stringify({ address: join(dataDir, 'atoll.sock'), key: 'k' }),
    );
    expect(await askRunningHub(dataDir, 'echo', {})).toBeUndefined();
    writeFileSync(join(dataDir, 'control.json'), '{"addr');
    expect(await askRunningHub(dataDir, 'echo', {})).toBeUndefined();
  });

  it('opens over what a killed hub left, and leaves nothing when closed', async () => {
    writeFileSync(join(dataDir, 'atoll.sock'), '');
    writeFileSync(join(dataDir, 'control.json.new'), '');
    const socket = await open();
    expect(await askRunningHub(dataDir, 'echo', 1)).toMatchObject({ result: { input: 1 } });
    await socket.close();
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('is for the owner of the data folder alone', async () => {
    const socket = await open();
    expect(statSync(join(dataDir, 'atoll.sock')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'control.json')).mode & 0o777).toBe(0o600);
    const { address } = JSON.parse(readFileSync(join(dataDir, 'control.json'), 'utf8')) as {
      address: string;
    };
    writeFileSync(join(dataDir, 'control.json'), JSON.stringify({ address, key: 'guessed' }));
    await expect(askRunningHub(dataDir, 'echo', {})).rejects.toMatchObject({ code: 'Forbidden' });
    await socket.close();
  });

  it('uses a short path elsewhere when the data folder has a long one', async () => {
    const long = join(dataDir, 'x'.repeat(60), 'y'.repeat(60));
    mkdirSync(long, { recursive: true });
    const socket = await open(echo, long);
    expect(readdirSync(long)).toEqual(['control.json']);
    expect(await askRunningHub(long, 'echo', 1)).toMatchObject({ result: { input: 1 } });
    await socket.close();
    expect(readdirSync(long)).toEqual([]);
  });

  it('answers what is under way before it closes', async () => {
    const begun = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const socket = await open(async () => {
      begun.resolve(undefined);
      await release.promise;
      return 'done';
    });
    const answer = askRunningHub(dataDir, 'slow', {});
    await begun.promise;
    const closed = socket.close();
    release.resolve(undefined);
    expect(await answer).toEqual({ result: 'done' });
    await closed;
  });

  it('outlives visitors who send garbage or leave', async () => {
    const socket = await open();
    const send = (text: string) =>
      new Promise<string>((done) => {
        let answer = '';
        const visitor = connect(join(dataDir, 'atoll.sock'), () => visitor.end(text));
        visitor.on('data', (piece) => (answer += String(piece)));
        visitor.on('close', () => done(answer));
      });
    expect(await send('')).toBe('');
    expect(await send('no json\n')).toContain('InvalidRequest');
    expect(await send('null\n')).toContain('InvalidRequest');
    expect(await send('{"key":1}\n')).toContain('InvalidRequest');
    expect(await askRunningHub(dataDir, 'echo', 1)).toMatchObject({ result: { input: 1 } });
    await socket.close();
  });
});
