import { contextBridge, ipcRenderer } from 'electron';
import { channels, serverStateChanged, type AtollDesktop, type ServerState } from './ipc.ts';

const calls = Object.fromEntries(
  Object.entries(channels).map(([name, channel]) => [
    name,
    (...values: unknown[]): Promise<unknown> => ipcRenderer.invoke(channel, ...values),
  ]),
);

const onServerState: AtollDesktop['onServerState'] = (listener) => {
  // The event object stays on this side: it would hand the page a sender to reply through.
  const forward = (_event: unknown, state: ServerState): void => listener(state);
  ipcRenderer.on(serverStateChanged, forward);
  return () => void ipcRenderer.off(serverStateChanged, forward);
};

contextBridge.exposeInMainWorld('atollDesktop', { ...calls, onServerState });
