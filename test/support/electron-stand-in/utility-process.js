import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';

const preload = new URL('parent-port.js', import.meta.url).href;
const running = new Set();

export const utilityProcess = {
  fork(modulePath, args, { env, stdio }) {
    const child = fork(modulePath, args, { env, silent: stdio === 'pipe', execArgv: ['--import', preload] });
    running.add(child);
    const handle = new EventEmitter();
    child.on('message', (message) => handle.emit('message', message));
    child.on('close', (code, signal) => {
      running.delete(child);
      handle.emit('exit', code ?? (signal ? 1 : 0));
    });
    return Object.assign(handle, {
      pid: child.pid,
      stdout: child.stdout,
      stderr: child.stderr,
      postMessage: (message) => child.connected && child.send(message),
      kill: () => child.kill('SIGTERM'),
    });
  },
};

/** No utility process outlives Electron. */
export const killUtilityProcesses = () => running.forEach((child) => child.kill('SIGKILL'));
