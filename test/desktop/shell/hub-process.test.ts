import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createHubProcess,
  hubDeadlines,
  type HubChild,
  type HubProcess,
  type HubState,
} from '../../../electron/hub-process.ts';

/** A utility process whose every move the test makes. */
class Child implements HubChild {
  readonly sent: unknown[] = [];
  isKilled = false;
  say: (message: unknown) => void = () => undefined;
  print: (text: string) => void = () => undefined;
  exit: (exitCode: number) => void = () => undefined;

  postMessage(message: unknown): void {
    this.sent.push(message);
  }
  onMessage(listener: (message: unknown) => void): void {
    this.say = listener;
  }
  onOutput(listener: (text: string) => void): void {
    this.print = listener;
  }
  onExit(listener: (exitCode: number) => void): void {
    this.exit = listener;
  }
  kill(): void {
    this.isKilled = true;
    this.exit(137);
  }
}

const ready = { type: 'ready', url: 'http://127.0.0.1:8790/' };

describe('the owner of the hub', () => {
  let children: Child[];
  let states: HubState[];
  let warnings: string[];
  let hub: HubProcess;
  const child = (): Child => children.at(-1) ?? expect.fail('No hub was started.');
  const phases = (): string[] => states.map(({ phase }) => phase);
  const failure = () => {
    const state = hub.state();
    return state.phase === 'failed' ? state.failure : expect.fail(`The hub is ${state.phase}.`);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    children = [];
    states = [];
    warnings = [];
    hub = createHubProcess({
      fork: () => {
        children.push(new Child());
        return child();
      },
      onState: (state) => states.push(state),
      warn: (sentence) => warnings.push(sentence),
    });
  });
  afterEach(() => void vi.useRealTimers());

  test('says where the hub answers, as an origin, with its setup link', () => {
    hub.start();
    child().say({ ...ready, setupUrl: 'http://127.0.0.1:8790/setup?secret=x' });
    expect(states).toEqual([
      { phase: 'starting' },
      { phase: 'running', url: 'http://127.0.0.1:8790', setupUrl: 'http://127.0.0.1:8790/setup?secret=x' },
    ]);
  });

  test('starts one hub however often it is asked', () => {
    hub.start();
    hub.start();
    expect(children).toHaveLength(1);
  });

  test('reports a slow start at the deadline, and takes the hub when it answers after all', () => {
    hub.start();
    vi.advanceTimersByTime(hubDeadlines.start - 1);
    expect(hub.state().phase).toBe('starting');
    vi.advanceTimersByTime(1);
    expect(failure().code).toBe('Timeout');
    expect(child().isKilled).toBe(false);
    child().say(ready);
    expect(hub.state().phase).toBe('running');
  });

  test('passes on why a hub cannot start and ends one that does not go by itself', () => {
    hub.start();
    child().say({
      type: 'failed',
      code: 'PortTaken',
      message: 'Taken.',
      details: { port: 8790, holder: 'nginx' },
    });
    expect(failure()).toEqual({
      code: 'PortTaken',
      message: 'Taken.',
      details: { port: 8790, holder: 'nginx' },
      output: [],
    });
    vi.advanceTimersByTime(hubDeadlines.exit);
    expect(child().isKilled).toBe(true);
    expect(failure().code).toBe('PortTaken');
    expect(children).toHaveLength(1);
  });

  test('does not start a hub again that ended before it was ever ready', () => {
    hub.start();
    child().print('first line\nlast line\n');
    child().exit(3);
    expect(failure()).toMatchObject({ code: 'Crashed', output: ['first line', 'last line'] });
    expect(failure().message).toContain('exit code 3');
    vi.advanceTimersByTime(600_000);
    expect(children).toHaveLength(1);
  });

  test('starts a hub that crashed again, waiting twice as long each time, and gives up after five', () => {
    hub.start();
    child().say(ready);
    let wait: number = hubDeadlines.backOff;
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      child().exit(1);
      expect(hub.state()).toEqual({ phase: 'restarting', attempt });
      vi.advanceTimersByTime(wait - 1);
      expect(children).toHaveLength(attempt);
      vi.advanceTimersByTime(1);
      expect(children).toHaveLength(attempt + 1);
      wait *= 2;
    }
    child().exit(1);
    expect(failure().code).toBe('Crashed');
  });

  test('counts anew after a hub has run for a while', () => {
    hub.start();
    child().say(ready);
    child().exit(1);
    vi.advanceTimersByTime(hubDeadlines.backOff);
    child().say(ready);
    vi.advanceTimersByTime(hubDeadlines.recovered);
    child().exit(1);
    expect(hub.state()).toEqual({ phase: 'restarting', attempt: 1 });
  });

  test('drains a running hub for twenty seconds before it ends it', async () => {
    hub.start();
    child().say(ready);
    const stopped = hub.stop();
    expect(child().sent).toEqual([{ type: 'stop' }]);
    vi.advanceTimersByTime(19_999);
    expect(child().isKilled).toBe(false);
    vi.advanceTimersByTime(1);
    expect(child().isKilled).toBe(true);
    await stopped;
    expect(phases()).toEqual(['starting', 'running', 'stopping', 'stopped']);
  });

  test('asks once and waits for both when it is stopped twice', async () => {
    hub.start();
    child().say(ready);
    const both = Promise.all([hub.stop(), hub.stop()]);
    child().say({ type: 'stopped' });
    child().exit(0);
    await both;
    expect(child().sent).toEqual([{ type: 'stop' }]);
    expect(child().isKilled).toBe(false);
  });

  test('ends a hub that said it has stopped but stays', async () => {
    hub.start();
    child().say(ready);
    const stopped = hub.stop();
    child().say({ type: 'stopped' });
    vi.advanceTimersByTime(hubDeadlines.exit);
    expect(child().isKilled).toBe(true);
    await stopped;
  });

  test('does not take a hub for running that answers while it is being stopped', async () => {
    hub.start();
    const stopped = hub.stop();
    child().say(ready);
    expect(hub.state().phase).toBe('stopping');
    child().exit(0);
    await stopped;
  });

  test('stops waiting for the next try when it is stopped, and starts nothing after that', async () => {
    hub.start();
    child().say(ready);
    child().exit(1);
    await hub.stop();
    vi.advanceTimersByTime(600_000);
    hub.start();
    await hub.restart();
    expect(children).toHaveLength(1);
    expect(hub.state().phase).toBe('stopped');
  });

  test('restarts by draining first', async () => {
    hub.start();
    child().say(ready);
    const restarted = hub.restart();
    expect(children).toHaveLength(1);
    child().exit(0);
    await restarted;
    expect(children).toHaveLength(2);
    expect(hub.state().phase).toBe('starting');
  });

  test('does not wait for a hub that has said why it failed when it is asked to try again', async () => {
    hub.start();
    child().say({ type: 'failed', code: 'DataFolderLocked', message: 'Locked.' });
    await hub.restart();
    expect(children[0]?.isKilled).toBe(true);
    expect(children[0]?.sent).toEqual([]);
    expect(children).toHaveLength(2);
    expect(hub.state().phase).toBe('starting');
  });

  test.each([
    ['nothing', undefined],
    ['a text', 'ready'],
    ['an unknown type', { type: 'hello' }],
    ['ready without an address', { type: 'ready' }],
    ['ready at a file', { type: 'ready', url: 'file:///etc/passwd' }],
    ['ready at a script', { type: 'ready', url: 'javascript:alert(1)' }],
    ['a failure of an unknown kind', { type: 'failed', code: 'Nonsense', message: 'x' }],
    [
      'a failure with a port that is none',
      { type: 'failed', code: 'PortTaken', message: 'x', details: { port: 0 } },
    ],
  ])('leaves a message aside that is not in the contract: %s', (_, message) => {
    hub.start();
    child().say(message);
    expect(hub.state().phase).toBe('starting');
    expect(warnings).toHaveLength(1);
    child().say(ready);
    expect(hub.state().phase).toBe('running');
  });
});
