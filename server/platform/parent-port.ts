/** The part of Electron's `process.parentPort` that is used. Undefined in a plain Node process. */
interface RawPort {
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  postMessage(message: unknown): void;
}

/** The line to the desktop shell that started this process. */
export interface ParentPort<Outgoing> {
  /** Calls `stop` when the shell asks for it; messages that are not a stop are ignored. */
  onStop(stop: () => void): void;
  send(message: Outgoing): void;
}

/**
 * The port to the Electron process that forked this one as a utility process, or undefined when nothing
 * did. `isStop` recognizes the shell's request (the message format belongs to `contract/desktop.ts`).
 */
export function openParentPort<Outgoing>(
  isStop: (message: unknown) => boolean,
  host: object = process,
): ParentPort<Outgoing> | undefined {
  const port = (host as { readonly parentPort?: RawPort | null }).parentPort;
  if (!port) return undefined;
  return {
    onStop(stop) {
      port.on('message', ({ data }) => {
        if (isStop(data)) stop();
      });
    },
    send: (message) => port.postMessage(message),
  };
}
