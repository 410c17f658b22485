import type { ProblemAction, StartupProblem } from './ipc.ts';
import type { HubFailure } from './hub-process.ts';

type Words = Pick<StartupProblem, 'title' | 'text' | 'facts' | 'actions'>;

const labels: Readonly<Record<ProblemAction, string>> = {
  restartServer: 'Try again',
  usePort: 'Use another port',
  openDataFolder: 'Open data folder',
  quit: 'Quit',
};

const offer = (...names: readonly ProblemAction[]): StartupProblem['actions'] =>
  names.map((action) => ({ action, label: labels[action] }));

const heldBy = (holder: string | undefined): readonly string[] => (holder ? [`Held by ${holder}`] : []);
const inFolder = (folder: string | undefined): readonly string[] =>
  folder ? [`Data folder: ${folder}`] : [];

/** Which page, and which actions, for which failure. Total: the type system refuses a missing code. */
const pages: { readonly [Code in HubFailure['code']]: (failure: HubFailure) => Words } = {
  PortTaken: ({ details, message }) => ({
    title: details.port ? `Port ${details.port} is in use` : 'The port is in use',
    text: 'Another program listens where the hub should. Stop that program and try again, or let the hub use another port from now on. Clients then need the new address in HF_ENDPOINT.',
    facts: details.holder ? heldBy(details.holder) : [message],
    actions: offer('usePort', 'restartServer', 'quit'),
  }),
  DataFolderLocked: ({ details }) => ({
    title: 'Another hub uses this data folder',
    text: 'Only one hub at a time can work on a data folder. Stop the other one, then try again.',
    facts: [...inFolder(details.folder), ...heldBy(details.holder)],
    actions: offer('restartServer', 'quit'),
  }),
  FolderNotWritable: ({ details }) => ({
    title: 'The data folder cannot be written',
    text: 'The hub keeps repositories, accounts and settings in this folder. Give your account the right to write there, or free space on its disk, then try again.',
    facts: inFolder(details.folder),
    actions: offer('restartServer', 'openDataFolder', 'quit'),
  }),
  NewerDatabase: ({ details }) => ({
    title: 'This data folder belongs to a newer Atoll',
    text: 'A newer version has changed the database in a way this version cannot read. Install that version or a later one; nothing in the folder was changed.',
    facts: [
      ...inFolder(details.folder),
      ...(details.writtenBy ? [`Last used by version ${details.writtenBy}`] : []),
    ],
    actions: offer('quit', 'openDataFolder'),
  }),
  BadConfig: ({ details }) => ({
    title: 'The configuration has mistakes',
    text: 'The hub does not start on settings it cannot read. Correct them, then try again.',
    facts: details.problems ?? [],
    actions: offer('restartServer', 'openDataFolder', 'quit'),
  }),
  StartFailed: ({ message }) => ({
    title: 'The hub did not start',
    text: message,
    facts: [],
    actions: offer('restartServer', 'openDataFolder', 'quit'),
  }),
  Timeout: ({ message }) => ({
    title: 'The hub is slow to start',
    text: `${message} Preparing a large database can take minutes: this page closes by itself when the hub answers.`,
    facts: [],
    actions: offer('restartServer', 'openDataFolder', 'quit'),
  }),
  Crashed: ({ message }) => ({
    title: 'The hub has stopped',
    text: `${message} What was saved before is safe. Try again; if it happens again, the details below say what the hub printed last.`,
    facts: [],
    actions: offer('restartServer', 'openDataFolder', 'quit'),
  }),
};

/** What the error page shows for a failure. */
export function startupProblem(failure: HubFailure): StartupProblem {
  const output = [failure.message, ...failure.output];
  return { code: failure.code, output, ...pages[failure.code](failure) };
}
