import { app } from 'electron';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readCommandLine } from './command-line.ts';
import { startDesktop } from './desktop.ts';

/** Hands the arguments to the hub's own command line, in this process, and ends with its exit code. */
async function answerCommandLine(args: readonly string[]): Promise<void> {
  const entry = join(app.getAppPath(), 'dist', 'hub', 'cli.mjs');
  const { runCommandLine } = (await import(pathToFileURL(entry).href)) as {
    readonly runCommandLine: (args: readonly string[]) => Promise<number>;
  };
  app.exit(await runCommandLine(args));
}

// A packaged app has its arguments right behind the executable; Electron in a checkout has the app's path first.
const commandLine = readCommandLine(process.argv.slice(app.isPackaged ? 1 : 2));

if (commandLine.cli) {
  answerCommandLine(commandLine.cli).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    app.exit(1);
  });
} else {
  startDesktop(commandLine);
}
