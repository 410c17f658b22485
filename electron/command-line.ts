import { dirname } from 'node:path';
import { homedir } from 'node:os';
import { splitArguments } from '../server/config/arguments.ts';
import { defaultDataFolder, type Environment, type Place } from '../server/config/data-folder.ts';
import { CONFIG_FLAGS, findConfigFile } from '../server/config/load.ts';
import { readConfig } from '../server/config/read.ts';
import { deepLinkScheme } from './deep-link.ts';

/** What the command line of the app asks for. */
export interface CommandLine {
  /** Arguments after `--cli`: the hub's own command line answers and no window opens. */
  readonly cli: readonly string[] | undefined;
  /** Settings for the hub, as it takes them itself: `['--port', '8790']`. */
  readonly hubFlags: readonly string[];
  readonly deepLink: string | undefined;
}

/**
 * Takes apart the arguments behind the executable (and the app's path, in a checkout). Chromium's own
 * switches are between ours, so what is not known here is left to it instead of being a mistake.
 */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const cliAt = argv.indexOf('--cli');
  const own = cliAt < 0 ? argv : argv.slice(0, cliAt);
  const hubFlags: string[] = [];
  for (const [index, argument] of own.entries()) {
    const [name = '', value] = argument.split(/=(.*)/s);
    const shape = name.startsWith('--') ? CONFIG_FLAGS.get(name.slice(2).replace(/^no-/, '')) : undefined;
    if (!shape) continue;
    const next = own[index + 1];
    if (shape.form === 'switch' || value !== undefined || next === undefined) hubFlags.push(argument);
    else hubFlags.push(argument, next);
  }
  return {
    cli: cliAt < 0 ? undefined : argv.slice(cliAt + 1),
    hubFlags,
    deepLink: own.find((argument) => argument.startsWith(`${deepLinkScheme}:`)),
  };
}

/** The flags with another port in place of the one they name, if they name one. */
export function withPort(hubFlags: readonly string[], port: number): readonly string[] {
  const others = hubFlags.filter(
    (flag, index) => !/^--port(=|$)/.test(flag) && hubFlags[index - 1] !== '--port',
  );
  return [...others, '--port', String(port)];
}

/** Where the shell keeps its own things, and where it writes what a person decides on the error page. */
export interface HubPlace {
  readonly dataDir: string;
  readonly configFile: string;
  /** Addresses the hub will listen on. */
  readonly hosts: readonly string[];
}

/**
 * The same folder and file the hub will find from the same flags and environment. With a configuration the
 * hub will refuse, the nearest guess: the shell still needs a place for its profile to show the error page.
 */
export function findHubPlace(hubFlags: readonly string[], env: Environment): HubPlace {
  const { flags } = splitArguments(hubFlags, CONFIG_FLAGS);
  const place: Place = { platform: process.platform, homeDir: homedir(), workDir: process.cwd() };
  const { path: configFile, isRequired } = findConfigFile({ flags, env, place });
  const result = readConfig({ flags, env });
  if (result.ok) return { dataDir: result.config.dataDir, configFile, hosts: result.config.host };
  return {
    dataDir: isRequired ? defaultDataFolder(env, place) : dirname(configFile),
    configFile,
    hosts: ['127.0.0.1', '::1'],
  };
}
