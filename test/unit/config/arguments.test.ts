import { describe, expect, it } from 'vitest';
import { splitArguments } from '../../../server/config/arguments.ts';
import type { FlagShape } from '../../../server/config/arguments.ts';

const shapes = new Map<string, FlagShape>([
  ['port', { form: 'value' }],
  ['host', { form: 'list' }],
  ['json', { form: 'switch' }],
]);

const split = (line: string) => splitArguments(line.split(' '), shapes);

describe('taking a command line apart', () => {
  it('separates flags from positionals wherever they stand', () => {
    const { flags, positionals, problems } = split('user --json create --port=1 ada');
    expect(positionals).toEqual(['user', 'create', 'ada']);
    expect(Object.fromEntries(flags)).toEqual({ json: ['true'], port: ['1'] });
    expect(problems).toEqual([]);
  });

  it('takes everything after -- as it is', () => {
    expect(split('a -- --json -x')).toMatchObject({ positionals: ['a', '--json', '-x'], problems: [] });
  });

  it('keeps equals signs in values and takes - and negative numbers as values', () => {
    expect(Object.fromEntries(split('--host=a=b --host - --port -1').flags)).toEqual({
      host: ['a=b', '-'],
      port: ['-1'],
    });
  });

  it('says everything that is wrong at once', () => {
    expect(split('--prot 1 -p --port --json --json --host').problems).toEqual([
      'There is no flag --prot. Did you mean "--port"?',
      'There is no flag -p.',
      'The flag --port needs a value.',
      'The flag --json is given twice.',
      'The flag --host needs a value.',
    ]);
  });
});
