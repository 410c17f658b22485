import type { Config } from '../config/schema.ts';
import { isHubError } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { askRunningHub } from '../platform/control-socket.ts';
import type { Command } from './command.ts';
import type { OpenHub } from './services.ts';

const PATIENCE_MS = 15_000;
const PAUSE_MS = 100;

export interface ExecuteParts {
  readonly openHub: OpenHub;
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
}

/**
 * Run a command where the hub is: in the running hub over its socket, or here on the stores of a stopped one.
 * A hub that starts or stops at this moment has the folder but no socket; then this waits a while for either.
 */
export async function execute(
  config: Config,
  command: Command,
  input: unknown,
  { openHub, clock }: ExecuteParts,
): Promise<unknown> {
  const started = clock.monotonic();
  for (;;) {
    const answer = await askRunningHub(config.dataDir, command.name, input);
    if (answer) return answer.result;
    const hub = await openHub(config).catch((error: unknown) => {
      if (isHubError(error, 'Conflict') && clock.monotonic() - started < PATIENCE_MS) return undefined;
      throw error;
    });
    if (!hub) {
      await clock.sleep(PAUSE_MS);
      continue;
    }
    try {
      return await command.run(hub.services, input);
    } finally {
      await hub.close();
    }
  }
}
