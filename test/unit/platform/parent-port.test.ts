import { EventEmitter } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { openParentPort } from '../../../server/platform/parent-port.ts';

const isStop = (message: unknown): boolean => message === 'stop';

describe('the line to the desktop shell', () => {
  test('does not exist in a process no shell has started', () => {
    expect(openParentPort(isStop, {})).toBeUndefined();
    expect(openParentPort(isStop, { parentPort: null })).toBeUndefined();
    expect(openParentPort(isStop)).toBeUndefined();
  });

  test('carries messages out and a stop in, and nothing else in', () => {
    const parentPort = Object.assign(new EventEmitter(), { postMessage: vi.fn() });
    const stop = vi.fn();
    const port = openParentPort<string>(isStop, { parentPort });
    port?.onStop(stop);
    port?.send('ready');
    expect(parentPort.postMessage).toHaveBeenCalledExactlyOnceWith('ready');
    parentPort.emit('message', { data: 'go' });
    expect(stop).not.toHaveBeenCalled();
    parentPort.emit('message', { data: 'stop' });
    expect(stop).toHaveBeenCalledOnce();
  });
});
