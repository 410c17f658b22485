import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commandServices, createServices, openStores, type Services } from './app.ts';
import { writeBanner } from './cli/banner.ts';
import { answerCommand } from './cli/commands.ts';
import { writeProblems } from './config/load.ts';
import { readConfigOfCommandLine } from './config/read.ts';
import type { Config } from './config/schema.ts';
import { shellMessage, type HubFailureCode, type OutgoingHubMessage } from './contract/desktop.ts';
import { HubError, isHubError } from './domain/errors.ts';
import { allowedHosts } from './http/guards.ts';
import { createPageServer } from './http/pages.ts';
import { allRoutes } from './http/routes/all.ts';
import { createHttpHandler, createHttpServer } from './http/server.ts';
import { authority, localAddress, reachableAddresses } from './platform/addresses.ts';
import { systemClock } from './platform/clock.ts';
import { runInContext } from './platform/context.ts';
import { openControlSocket, type ControlSocket } from './platform/control-socket.ts';
import { armFailPoints } from './platform/fail-points.ts';
import { listenOn, type Listeners } from './platform/listeners.ts';
import { createLog, type Log } from './platform/log.ts';
import { openParentPort } from './platform/parent-port.ts';
import { stopOnRequest } from './platform/stop.ts';
import { VERSION } from './platform/version.ts';

const RENDERER = new URL('../dist/renderer/', import.meta.url);

interface RunningHub {
  readonly urls: readonly [string, ...string[]];
  /** Where a program on this machine reaches the hub, without any proxy in between. */
  readonly localUrl: string;
  /** Path of the one-time link; undefined once there is an account. */
  readonly setupPath: string | undefined;
  stop(timeIsUp: AbortSignal): Promise<void>;
}

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

function readPage(): { readonly indexHtml: string; readonly assetsFolder: string } {
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

async function serve(
  config: Config,
  services: Services,
  log: Log,
): Promise<{
  readonly listeners: Listeners;
  readonly urls: () => readonly [string, ...string[]];
  drain(): void;
}> {
  let isStopping = false;
  let port = config.port;
  const named = [...config.allowedHosts, ...config.publicUrls.map((url) => new URL(url).hostname)];
  const publicOrigins = new Map(config.publicUrls.map((url) => [new URL(url).host, new URL(url).origin]));
  const urls = (): readonly [string, ...string[]] => {
    const own = reachableAddresses(config.host).map((address) => `http://${authority(address, port)}`);
    const [first = `http://127.0.0.1:${port}`, ...others] = [...config.publicUrls, ...own];
    return [first, ...others];
  };
  const handler = createHttpHandler({
    identify: {
      token: async (secret) => {
        const found = await services.tokens.authenticate(secret);
        return found && { user: found.user, role: found.token.role, name: found.token.name };
      },
      session: (id) => services.sessions.find(id),
    },
    authorize: services.authorize,
    log,
    strict: process.env['ATOLL_TEST_STRICT'] === '1',
    endpoints: allRoutes({
      ...services,
      name: config.name,
      version: VERSION,
      dataFolder: config.dataDir,
      endpoints: urls,
      readiness: services.readiness(() => isStopping),
    }),
    originOf: (host) => publicOrigins.get(host) ?? `http://${host}`,
    allowedHosts: () => allowedHosts(reachableAddresses(config.host), named),
    isStopping: () => isStopping,
    pages: createPageServer(readPage()),
    withRequestId: (requestId, work) => runInContext({ requestId }, work),
  });
  const listeners = await listenOn(config.host, config.port, () => createHttpServer(handler));
  port = listeners.port;
  return { listeners, urls, drain: () => (isStopping = true) };
}

async function startHub(config: Config, log: Log): Promise<RunningHub> {
  await using cleanup = new AsyncDisposableStack();
  const stores = await openStores(config, 'Atoll', log);
  cleanup.defer(() => stores.close());
  const services = createServices(config, stores, log);
  cleanup.defer(() => services.close());
  const { listeners, urls, drain } = await serve(config, services, log);
  cleanup.defer(() => listeners.close(AbortSignal.abort()));
  const commands = commandServices(services, stores);
  const control: ControlSocket = await openControlSocket({
    dataDir: config.dataDir,
    log,
    handle: (command, input) => answerCommand(commands, command, input),
  });
  await services.scheduleJobs();
  services.jobs.start();
  const secret = await services.setup.secret();
  cleanup.move();
  return {
    urls: urls(),
    localUrl: `http://${authority(localAddress(listeners.addresses), listeners.port)}`,
    setupPath: secret === undefined ? undefined : `/setup?secret=${secret}`,
    async stop(timeIsUp) {
      drain();
      await Promise.all([control.close(), listeners.close(timeIsUp)]);
      await services.close();
      await stores.close();
    },
  };
}

/** What the desktop's error page is to show for a start that failed. */
function failureCode(error: unknown): HubFailureCode {
  if (!isHubError(error)) return 'StartFailed';
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
    const hub = await startHub(config, log);
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
      writeBanner({ name: config.name, version: VERSION, urls, dataDir: config.dataDir, ...linkAt(urls[0]) }),
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
