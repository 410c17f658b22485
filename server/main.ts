import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeBanner } from './cli/banner.ts';
import { writeProblems } from './config/load.ts';
import { readConfigOfCommandLine } from './config/read.ts';
import type { Config } from './config/schema.ts';
import { shellMessage, type HubFailureCode, type OutgoingHubMessage } from './contract/desktop.ts';
import { HubError, isHubError } from './domain/errors.ts';
import { startHub, type HubParts } from './hub.ts';
import { systemClock } from './platform/clock.ts';
import { armFailPoints } from './platform/fail-points.ts';
import { createLog, type Log } from './platform/log.ts';
import { openParentPort } from './platform/parent-port.ts';
import { stopOnRequest } from './platform/stop.ts';
import { VERSION } from './platform/version.ts';

const RENDERER = new URL('../dist/renderer/', import.meta.url);

function openLog(config: Config): Log {
  const isTerminal = process.stderr.isTTY === true;
  const format = config.logFormat === 'auto' ? (isTerminal ? 'pretty' : 'json') : config.logFormat;
  return createLog({
    level: config.logLevel,
    format,
    colors: isTerminal,
    write: (line) => process.stderr.write(line),
  });
}

function readPage(): HubParts['page'] {
  const index = fileURLToPath(new URL('index.html', RENDERER));
  try {
    return {
      indexHtml: readFileSync(index, 'utf8'),
      assetsFolder: fileURLToPath(new URL('assets', RENDERER)),
    };
  } catch (cause) {
    throw new HubError('Unavailable', 'The page is not built. Run "npm run build" first.', { cause });
  }
}

/** What the desktop's error page is to show for a start that failed. */
function failureCode(error: unknown): HubFailureCode {
  if (!isHubError(error)) return 'StartFailed';
  // Another port for HTTP is offered there; the one for SSH is only named.
  if (error.code === 'Conflict' && 'sshPort' in error.details) return 'StartFailed';
  if (error.code === 'Conflict') return 'port' in error.details ? 'PortTaken' : 'DataFolderLocked';
  if (error.code === 'NotSupported') return 'NewerDatabase';
  if (error.code === 'Forbidden' && 'folder' in error.details) return 'FolderNotWritable';
  return 'StartFailed';
}

async function main(): Promise<void> {
  const desktop = openParentPort<OutgoingHubMessage>((message) => shellMessage.safeParse(message).success);
  const fail = (code: HubFailureCode, message: string, details: Record<string, unknown> = {}): void => {
    desktop?.send({ type: 'failed', code, message, details });
    process.stderr.write(`${message}\n`);
    process.exitCode = 1;
  };

  armFailPoints(process.env['ATOLL_FAIL']);
  const read = readConfigOfCommandLine(process.argv.slice(2), process.env);
  for (const warning of read.warnings) process.stderr.write(`${warning}\n`);
  if (!read.ok) {
    const problems = read.problems.map((problem) => writeProblems([problem]).trim());
    fail('BadConfig', `The configuration is not right:\n${writeProblems(read.problems)}`, { problems });
    return;
  }
  const { config } = read;
  const log = openLog(config);
  const startedAt = systemClock.monotonic();
  try {
    const strict = process.env['ATOLL_TEST_STRICT'] === '1';
    const hub = await startHub({ config, log, clock: systemClock, page: readPage(), strict });
    const stopping = stopOnRequest({
      process,
      log,
      drainMs: config.drainSeconds * 1000,
      stop: async (timeIsUp) => {
        await hub.stop(timeIsUp);
        desktop?.send({ type: 'stopped' });
      },
    });
    desktop?.onStop(() => stopping.request('the desktop asked for it'));
    const { urls, localUrl, setupPath } = hub;
    const linkAt = (origin: string) => (setupPath === undefined ? {} : { setupUrl: `${origin}${setupPath}` });
    process.stdout.write(
      writeBanner({
        ...{ name: config.name, version: VERSION, urls, dataDir: config.dataDir, sshPort: hub.sshPort },
        ...linkAt(urls[0]),
      }),
    );
    log.info('The hub is ready.', { url: urls[0], startMs: Math.round(systemClock.monotonic() - startedAt) });
    desktop?.send({ type: 'ready', url: localUrl, ...linkAt(localUrl) });
  } catch (error) {
    const message = isHubError(error) ? error.message : `The hub could not start: ${String(error)}`;
    const details = isHubError(error) ? error.details : {};
    if (!isHubError(error)) log.error('The hub could not start.', { err: error });
    fail(failureCode(error), message, { folder: config.dataDir, ...desktopDetails(details) });
  }
}

/** Of an error's facts, those that the error page shows. */
function desktopDetails(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { port, holder } = details as { port?: number; holder?: { program: string; pid: number } };
  return {
    ...(port === undefined ? {} : { port }),
    ...(holder === undefined ? {} : { holder: `${holder.program} (pid ${holder.pid})` }),
  };
}

await main();
