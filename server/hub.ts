import { commandServices, createServices, openStores, type Services } from './app.ts';
import { answerCommand } from './cli/commands.ts';
import type { Config } from './config/schema.ts';
import { allowedHosts } from './http/guards.ts';
import { createPageServer } from './http/pages.ts';
import { createProxyTrust } from './http/proxies.ts';
import { allRoutes } from './http/routes/all.ts';
import { createHttpHandler, createHttpServer } from './http/server.ts';
import type { SshFacts } from './http/routes/hub.ts';
import { createSessionCookie } from './http/session-cookie.ts';
import { authority, localAddress, reachableAddresses } from './platform/addresses.ts';
import type { Clock } from './platform/clock.ts';
import { runInContext } from './platform/context.ts';
import { openControlSocket, type ControlSocket } from './platform/control-socket.ts';
import { boundHeapGrowth } from './platform/heap-growth.ts';
import { listenOn, type Listeners } from './platform/listeners.ts';
import type { Log } from './platform/log.ts';
import { VERSION } from './platform/version.ts';

/** What the process that runs a hub has to bring along. */
export interface HubParts {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  /** The built page: its index, and the folder of its hashed assets. */
  readonly page: { readonly indexHtml: string; readonly assetsFolder: string };
  /** Development and tests: an answer that no contract declares is an error. */
  readonly strict: boolean;
  /** How long a connection may stand still, where that is not to be minutes. */
  readonly idleMs?: number | undefined;
}

/** A hub that listens. */
export interface RunningHub {
  readonly urls: readonly [string, ...string[]];
  /** Where a program on this machine reaches the hub, without any proxy in between. */
  readonly localUrl: string;
  /** Where git is served by SSH; undefined where it is not. */
  readonly sshPort: number | undefined;
  /** Path of the one-time link; undefined once there is an account. */
  readonly setupPath: string | undefined;
  stop(timeIsUp: AbortSignal): Promise<void>;
}

const ADDRESSES_MS = 5_000;

/** Looking up the machine's addresses takes longer than answering a request, and they change rarely. */
function lookedUpAnew<Value>(clock: Clock, lookUp: () => Value): () => Value {
  let known: { readonly at: number; readonly value: Value } | undefined;
  return () => {
    const now = clock.monotonic();
    if (!known || now - known.at > ADDRESSES_MS) known = { at: now, value: lookUp() };
    return known.value;
  };
}

async function serve(
  { config, log, clock, page, strict, idleMs }: HubParts,
  services: Services,
): Promise<{
  readonly listeners: Listeners;
  readonly ssh: Listeners | undefined;
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
  const ssh = await openSsh({ config, log, clock }, services, () => port);
  const cookie = createSessionCookie(services.xetStoreId.slice(0, 8));
  const pages = createPageServer(page);
  const handler = createHttpHandler({
    identify: {
      token: (secret, userName) => services.tokens.authenticate(secret, userName),
      wrongToken: (address) => services.requestLimits.wrongToken(address),
      session: (id) => services.sessions.find(id),
      lfsAccess: (credential) => services.lfsAccess.actorOf(credential),
      cookie,
    },
    limits: services.requestLimits,
    isAppOrigin: services.oauthApps.isAppOrigin,
    authorize: services.authorize,
    log,
    strict,
    ...(config.logLevel === 'debug' || config.logLevel === 'trace'
      ? { onAnswered: (answered) => log.debug('A request was answered.', { ...answered }) }
      : {}),
    endpoints: allRoutes({
      ...services,
      cookie,
      pages,
      name: config.name,
      version: VERSION,
      dataFolder: config.dataDir,
      endpoints: urls,
      ssh: ssh.facts,
      readiness: services.readiness(() => isStopping),
    }),
    callerOf: createProxyTrust(config.trustedProxies),
    originOf: (host, scheme = 'http') => publicOrigins.get(host) ?? `${scheme}://${host}`,
    allowedHosts: lookedUpAnew(clock, () => allowedHosts(reachableAddresses(config.host), named)),
    isStopping: () => isStopping,
    pages,
    withRequestId: (requestId, work) => runInContext({ requestId }, work),
  });
  const listeners = await listenOn(
    config.host,
    { port: config.port, setting: 'port', remedy: 'choose another port with --port or ATOLL_PORT' },
    () => createHttpServer(handler, idleMs),
  );
  port = listeners.port;
  try {
    const sshListeners = await ssh.listen();
    return { listeners, ssh: sshListeners, urls, drain: () => (isStopping = true) };
  } catch (error) {
    await listeners.close(AbortSignal.abort());
    throw error;
  }
}

const SSH_REMEDY = 'choose another port for SSH with --ssh-port or ATOLL_SSH_PORT (0 switches SSH off)';

/** The SSH server, ready to listen; nothing of it is loaded where it is switched off. */
async function openSsh(
  { config, log, clock }: Pick<HubParts, 'config' | 'log' | 'clock'>,
  services: Services,
  httpPort: () => number,
): Promise<{ readonly facts: SshFacts | undefined; listen(): Promise<Listeners | undefined> }> {
  const { port } = config.ssh;
  if (port === 0) return { facts: undefined, listen: () => Promise.resolve(undefined) };
  const { readHostKeys } = await import('./ssh/host-keys.ts');
  const { createSshServers } = await import('./ssh/server.ts');
  const hostKeys = await readHostKeys(config.dataDir);
  const newServer = createSshServers({
    ...{ services, hostKeys, clock, log, httpPort },
    publicUrl: config.publicUrls[0],
  });
  return {
    facts: { port, hostKeys: hostKeys.map(({ type, fingerprint }) => ({ type, fingerprint })) },
    listen: () => listenOn(config.host, { port, setting: 'sshPort', remedy: SSH_REMEDY }, newServer),
  };
}

/** Open the stores, build the services, and listen. Throws Conflict for a data folder or a port that is taken. */
export async function startHub(parts: HubParts): Promise<RunningHub> {
  const { config, log, clock } = parts;
  boundHeapGrowth();
  await using cleanup = new AsyncDisposableStack();
  const stores = await openStores(config, 'Atoll', log);
  cleanup.defer(() => stores.close());
  const services = createServices(config, stores, log, clock);
  cleanup.defer(() => services.close());
  const { listeners, ssh, urls, drain } = await serve(parts, services);
  cleanup.defer(async () => {
    await Promise.all([listeners.close(AbortSignal.abort()), ssh?.close(AbortSignal.abort())]);
  });
  const commands = commandServices(services, stores);
  const control: ControlSocket = await openControlSocket({
    dataDir: config.dataDir,
    log,
    handle: (command, input) => answerCommand(commands, command, input),
  });
  cleanup.defer(() => control.close());
  await services.scheduleJobs();
  services.jobs.start();
  services.conversion.start();
  const secret = await services.setup.secret();
  cleanup.move();
  return {
    urls: urls(),
    localUrl: `http://${authority(localAddress(listeners.addresses), listeners.port)}`,
    sshPort: ssh?.port,
    setupPath: secret === undefined ? undefined : `/setup?secret=${secret}`,
    async stop(timeIsUp) {
      drain();
      services.imports.close();
      await Promise.all([control.close(), listeners.close(timeIsUp), ssh?.close(timeIsUp)]);
      await services.close();
      await stores.close();
    },
  };
}
