import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { writeBanner } from '../../../server/cli/banner.ts';
import { openTerminal } from '../../../server/cli/terminal.ts';

function fakeProcess() {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => raw.push(mode),
  });
  const [stdout, stderr] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: true })];
  const terminal = openTerminal({ stdin, stdout, stderr } as unknown as NodeJS.Process);
  return { terminal, stdin, stderr, raw };
}

describe('the terminal', () => {
  it('does not show a secret while it is typed, and lets it be corrected', async () => {
    const { terminal, stdin, stderr, raw } = fakeProcess();
    const secret = terminal.askSecret('Password: ');
    stdin.write('tidx\u007f');
    stdin.write('e pools é\r');
    expect(await secret).toBe('tide pools é');
    expect(String(stderr.read())).toBe('Password: \n');
    expect(raw).toEqual([true, false]);
  });

  it('lets a person leave', async () => {
    const { terminal, stdin, raw } = fakeProcess();
    const secret = terminal.askSecret('Password: ');
    stdin.write('ti\u0003');
    await expect(secret).rejects.toMatchObject({ message: 'Interrupted.' });
    expect(raw).toEqual([true, false]);
  });

  it('reads the whole standard input', async () => {
    const { terminal, stdin } = fakeProcess();
    stdin.write('one ');
    stdin.end(Buffer.from('two é'));
    expect(await terminal.readInput()).toBe('one two é');
  });

  it('says why a file cannot be read', () => {
    expect(() => fakeProcess().terminal.readFile('/nowhere/at all')).toThrow(
      'The file /nowhere/at all cannot be read (ENOENT).',
    );
  });
});

describe('the banner', () => {
  const facts = {
    name: 'Atoll',
    version: '0.1.0',
    urls: ['http://127.0.0.1:8790', 'http://[::1]:8790'],
    dataDir: '/data',
    sshPort: undefined,
  } as const;

  it('has the URL, the lines to paste and, on an empty hub, the setup link', () => {
    const text = writeBanner({ ...facts, setupUrl: 'http://127.0.0.1:8790/setup?secret=s' });
    expect(text).toContain('http://127.0.0.1:8790 ');
    expect(text).toContain('  export HF_ENDPOINT=http://127.0.0.1:8790\n');
    expect(text).toContain('http://[::1]:8790');
    expect(text).toContain('  http://127.0.0.1:8790/setup?secret=s\n');
    expect(writeBanner(facts)).not.toContain('setup');
  });

  it('says where git is served by SSH, if it is', () => {
    expect(writeBanner({ ...facts, sshPort: 8722 })).toContain('ssh://git@127.0.0.1:8722/owner/name\n');
    expect(writeBanner(facts)).not.toContain('ssh');
  });
});
