import { HubError } from '../domain/errors.ts';
import type { Command } from './command.ts';
import { apply } from './commands/apply.ts';
import { doctor } from './commands/doctor.ts';
import { repoExport, repoImport, repoList } from './commands/repos.ts';
import { tokenCreate, tokenList, tokenRevoke } from './commands/tokens.ts';
import { adminCreate, userCreate, userList } from './commands/users.ts';
import type { CommandServices } from './services.ts';

/** Every command that asks something of the hub, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  adminCreate,
  userCreate,
  userList,
  tokenCreate,
  tokenList,
  tokenRevoke,
  repoList,
  repoExport,
  repoImport,
  apply,
  doctor,
];

/** Answer a command that came over the control socket of the running hub. */
export async function answerCommand(
  services: CommandServices,
  name: string,
  input: unknown,
): Promise<unknown> {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command)
    throw new HubError('InvalidRequest', `The running hub does not know "${name}". Is it another version?`);
  return command.run(services, input);
}
