import { HubError } from '../domain/errors.ts';
import type { CommandFlag, Given } from './command.ts';
import type { Terminal } from './terminal.ts';

/** Ways to give a password. Never as an argument: every user of a machine can read those. */
export const PASSWORD_FLAGS = {
  'password-stdin': { form: 'switch', doc: 'Read the password from the standard input.' },
  'password-file': { form: 'value', value: 'FILE', doc: 'Read the password from a file.' },
} as const satisfies Record<string, CommandFlag>;

const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '');

/** What `--NAME-stdin` or `--NAME-file` gives; undefined when neither is there. Throws InvalidRequest. */
export async function givenSecret(
  name: 'password' | 'token',
  given: Given,
  terminal: Terminal,
): Promise<string | undefined> {
  const file = given.flag(`${name}-file`);
  if (given.has(`${name}-stdin`) && file !== undefined) {
    throw new HubError('InvalidRequest', `Give either --${name}-stdin or --${name}-file.`);
  }
  if (given.has(`${name}-stdin`)) return withoutLineEnd(await terminal.readInput());
  return file === undefined ? undefined : withoutLineEnd(terminal.readFile(file));
}

/** The new password: from the standard input, a file, or asked for twice. Throws InvalidRequest. */
export async function askPassword(given: Given, terminal: Terminal): Promise<string> {
  const secret = await givenSecret('password', given, terminal);
  if (secret !== undefined) return secret;
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
