import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../server/cli/commands.ts';
import { writeCommandHelp, writeHelp } from '../../../server/cli/help.ts';
import { parseCommandLine } from '../../../server/cli/parse.ts';

const parse = (line: string) => parseCommandLine(line.split(' ').filter((word) => word !== ''));

describe('understanding a command line', () => {
  it('finds the command, its arguments, its flags and the settings, wherever they stand', () => {
    const parsed = parse('--data-dir /d token --role read create ada --name=ci --json');
    if (parsed.kind !== 'command') throw new Error(parsed.kind);
    expect(parsed.command.name).toBe('token create');
    expect(parsed.json).toBe(true);
    expect(parsed.given.positionals).toEqual(['ada']);
    expect([parsed.given.flag('role'), parsed.given.flag('name')]).toEqual(['read', 'ci']);
    expect([...parsed.configFlags]).toEqual([['data-dir', ['/d']]]);
  });

  it('hands everything but the word to start', () => {
    expect(parse('--port 0 start --data-dir start')).toEqual({
      kind: 'start',
      argv: ['--port', '0', '--data-dir', 'start'],
    });
  });

  it.each(['', 'help', '--help', '-h', 'user --help'])('takes %j for a question about everything', (line) => {
    expect(parse(line)).toEqual({ kind: 'help', command: undefined });
  });

  it.each(['help user create', 'user create --help', 'user -h create ada'])(
    'takes %j for one about a command',
    (line) => {
      expect(parse(line)).toMatchObject({ kind: 'help', command: { name: 'user create' } });
    },
  );

  it.each(['version', '--version'])('takes %j for the version', (line) => {
    expect(parse(line)).toEqual({ kind: 'version', json: false });
    expect(parse(`${line} --json`)).toEqual({ kind: 'version', json: true });
  });

  it.each([
    [
      'uzer list',
      ['There is no command "uzer list". Did you mean "user list"? "atoll help" lists them all.'],
    ],
    ['user remove', ['There is no command "user remove"; there is "user create", "user list".']],
    ['apply', ['"atoll apply" needs FILE.']],
    ['repo export', ['"atoll repo export" needs NAME and FOLDER.']],
    [
      'doctor now --ful --role read',
      [
        'There is no flag --ful. Did you mean "--full"?',
        'There is no flag --role.',
        '"atoll doctor" takes no "now", "read".',
      ],
    ],
    ['user create ada --password secret', undefined],
  ])('says what is wrong with %j', (line, problems) => {
    const parsed = parse(line);
    if (parsed.kind !== 'wrong') throw new Error(parsed.kind);
    if (problems) expect(parsed.problems).toEqual(problems);
    else expect(parsed.problems.length).toBeGreaterThan(0);
  });
});

describe('the help', () => {
  it('names every command and every flag of it', () => {
    const help = writeHelp();
    for (const command of COMMANDS) {
      expect(help).toContain(command.summary);
      const own = writeCommandHelp(command);
      for (const [flag, { doc }] of Object.entries(command.flags)) {
        expect(own).toContain(`--${flag}`);
        expect(own).toContain(doc);
      }
    }
  });
});
