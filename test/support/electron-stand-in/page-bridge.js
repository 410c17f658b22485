/**
 * Runs in every page before its own scripts: the preload with the two modules it may use, and window.open as
 * a call to the shell. `standInCall` is a binding of the driver.
 */
export function bridgePage(preload) {
  const open = (address) => void window.standInCall('window-open', new URL(address, location.href).href);
  window.open = (address) => {
    open(address);
    return null;
  };
  addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[target=_blank]') : null;
    if (!link || event.defaultPrevented) return;
    event.preventDefault();
    open(link.href);
  });
  if (window.top !== window) return;

  const listeners = new Map();
  window.standInReceive = (channel, values) =>
    [...(listeners.get(channel) ?? [])].forEach((listener) => listener({}, ...values));
  const ipcRenderer = {
    invoke: async (channel, ...values) => {
      const { result, error } = await window.standInCall('invoke', channel, values);
      if (error !== undefined) throw new Error(`Error invoking remote method '${channel}': ${error}`);
      return result;
    },
    on: (channel, listener) =>
      listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener)) && ipcRenderer,
    off: (channel, listener) => listeners.get(channel)?.delete(listener) && ipcRenderer,
  };
  const contextBridge = {
    exposeInMainWorld: (key, api) =>
      Object.defineProperty(window, key, { value: Object.freeze(api), enumerable: true }),
  };
  const modules = { electron: { ipcRenderer, contextBridge } };
  new Function('require', 'module', 'exports', preload)((name) => modules[name], { exports: {} }, {});
}
