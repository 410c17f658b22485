import { z } from 'zod';
import type { ApplyOutcome } from '../../services/apply-writes.ts';
import { defineCommand } from '../command.ts';

function print({ changes, secrets }: ApplyOutcome): string {
  const lines = changes
    .filter(({ action }) => action !== 'unchanged')
    .map(
      ({ kind, name, action, fields }) =>
        `${action} ${kind} ${name}${fields.length > 0 ? `: ${fields.join(', ')}` : ''}`,
    );
  const unchanged = changes.length - lines.length;
  const tokens = secrets.map(
    ({ user, name, role, secret }) => `token ${user}/${name} (${role}), shown only now: ${secret}`,
  );
  return [...lines, ...tokens, `${unchanged} unchanged`, ''].join('\n');
}

export const apply = defineCommand({
  name: 'apply',
  summary:
    'Create and change users and organizations as a JSON or YAML file says ("-" reads the standard input).',
  positionals: ['FILE'],
  flags: {},
  input: z.object({ text: z.string() }),
  prepare: async ({ positionals: [file = ''] }, terminal) => ({
    text: file === '-' ? await terminal.readInput() : terminal.readFile(file),
  }),
  run: (services, { text }) => services.apply(text),
  print,
});
