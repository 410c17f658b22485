import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../server/platform/log.ts';
import { stopOnRequest } from '../../../server/platform/stop.ts';
import type { StopOptions } from '../../../server/platform/stop.ts';

function start(stop: StopOptions['stop'], times: Partial<StopOptions> = {}) {
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  const process = {
    connected: true,
    on: (event: string, listener: () => void) => listeners.set(event, listener),
    exit: (code: number) => exits.push(code),
  };
  const stopping = stopOnRequest({ process, log: silentLog, drainMs: 1000, echoMs: 20, stop, ...times });
  return { stopping, exits, emit: (event: string) => listeners.get(event)?.() };
}

describe('stopping', () => {
  it.each(['SIGINT', 'SIGTERM', 'disconnect'])(
    'finishes what is under way on %s and exits with 0',
    async (event) => {
      const work = Promise.withResolvers<undefined>();
      const { exits, emit } = start(() => work.promise);
      emit(event);
      await sleep(5);
      expect(exits).toEqual([]);
      work.resolve(undefined);
      await sleep(5);
      expect(exits).toEqual([0]);
    },
  );

  it('takes an echo of the first signal for the same one, and a later one as an order to exit', async () => {
    let stops = 0;
    const { exits, emit, stopping } = start(() => {
      stops += 1;
      return new Promise(() => undefined);
    });
    emit('SIGINT');
    emit('SIGINT');
    emit('SIGTERM');
    expect(exits).toEqual([]);
    await sleep(40);
    stopping.request('the desktop');
    expect(exits).toEqual([1]);
    expect(stops).toBe(1);
  });

  it('tells when the time is up and exits even if that does not help', async () => {
    let wasTold = false;
    const { exits, emit } = start(
      (timeIsUp) => {
        timeIsUp.addEventListener('abort', () => (wasTold = true));
        return new Promise(() => undefined);
      },
      { drainMs: 20, cutMs: 20 },
    );
    emit('SIGTERM');
    await sleep(30);
    expect([wasTold, exits]).toEqual([true, []]);
    await sleep(40);
    expect(exits).toEqual([0]);
  });

  it('exits with 1 when stopping fails', async () => {
    const { exits, emit } = start(() => Promise.reject(new Error('disk')));
    emit('SIGTERM');
    await sleep(5);
    expect(exits).toEqual([1]);
  });
});
