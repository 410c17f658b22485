import { HubError } from '../domain/errors.ts';
import type { CommandFlag, Given } from './command.ts';
import type { Terminal } from './terminal.ts';

/** Ways to give a password. Never as an argument: every user of a machine can read those. */
export const PASSWORD_FLAGS = {
  'password-stdin': { form: 'switch', doc: 'Read the password from the standard input.' },
  'password-file': { form: 'value', value: 'FILE', doc: 'Read the password from a file.' },
} as const satisfies Record<string, CommandFlag>;

const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '');

/** The new password: from the standard input, a file, or asked for twice. Throws InvalidRequest. */
export async function askPassword(given: Given, terminal: Terminal): Promise<string> {
  const file = given.flag('password-file');
  if (given.has('password-stdin') && file !== undefined) {
    throw new HubError('InvalidRequest', 'Give either --password-stdin or --password-file.');
  }
  if (given.has('password-stdin')) return withoutLineEnd(await terminal.readInput());
  if (file !== undefined) return withoutLineEnd(terminal.readFile(file));
  if (!terminal.isInteractive) {
    throw new HubError(
      'InvalidRequest',
      'There is no terminal to ask for a password: use --password-stdin or --password-file.',
    );
  }
  const password = await terminal.askSecret('Password: ');
  if ((await terminal.askSecret('Password again: ')) !== password) {
    throw new HubError('InvalidRequest', 'The two passwords are not the same.');
  }
  return password;
}
