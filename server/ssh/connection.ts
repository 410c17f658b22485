import type { Socket } from 'node:net';
import type ssh2 from 'ssh2';
import { forbidden } from '../domain/errors.ts';
import type { Log } from '../platform/log.ts';
import type { RateWindow } from '../services/rate-window.ts';
import type { KnownSshKey, SshKeys } from '../services/ssh-keys.ts';
import { answerAuthentication } from './authentication.ts';
import type { ExecServices } from './exec.ts';
import { createPressure } from './pressure.ts';
import { serveSession } from './session.ts';

/** From the first byte until it is known who is there. */
const HANDSHAKE_MS = 15_000;
/** How long a connection may stay on which nothing runs: clients that share one keep it for the next command. */
const IDLE_MS = 5 * 60_000;
/**
 * How long a command may run without a byte in either direction. Keep-alives tell the dead from the slow long before; and
 * while a hook of a push uploads large files over HTTP, the push itself says nothing for hours.
 */
const SILENT_MS = 6 * 3_600_000;
const MOST_SESSIONS = 10;
/** Who goes on asking for sessions that they do not get is no git. */
const MOST_REFUSALS = 50;

export interface SshConnection {
  /** End it politely if nothing runs on it. */
  endIfIdle(): void;
  destroy(): void;
}

export interface ConnectionParts {
  readonly socket: Socket;
  readonly source: string;
  readonly failures: RateWindow;
  readonly services: ExecServices & { readonly sshKeys: SshKeys };
  readonly log: Log;
  readonly httpOrigin: string;
  /** Called once, when it is known who is there. */
  onKnown(): void;
}

/** What watches over a socket from the moment it is taken. `begin` is called once the client has said hello. */
export function openConnection(parts: ConnectionParts): SshConnection & {
  begin(connection: ssh2.Connection): void;
} {
  const { socket, services, log } = parts;
  const gone = new AbortController();
  let connection: ssh2.Connection | undefined;
  let running = 0;
  const handshake = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
  const idle = setTimeout(endIfIdle, IDLE_MS);
  socket.once('close', () => {
    clearTimeout(handshake);
    clearTimeout(idle);
    gone.abort();
  });

  function endIfIdle(): void {
    if (running > 0) return;
    if (connection) connection.end();
    else socket.destroy();
  }

  function onRun(): { progress(): void; end(): void } {
    running += 1;
    const silence = setTimeout(() => socket.destroy(), SILENT_MS);
    return {
      progress: () => void silence.refresh(),
      end() {
        clearTimeout(silence);
        running -= 1;
        idle.refresh();
      },
    };
  }

  function onKnown(known: KnownSshKey): void {
    const { publicId } = known.key;
    parts.services.sshKeys.noteUse(known.key);
    connection?.once('ready', () => {
      clearTimeout(handshake);
      parts.onKnown();
      log.debug('Somebody came in by SSH.', { key: publicId, address: socket.remoteAddress });
    });
    caller = async () => {
      const now = await services.sshKeys.findById(publicId);
      if (!now) throw forbidden('This key was deleted.');
      return now;
    };
  }
  let caller = (): Promise<KnownSshKey> => Promise.reject(forbidden('Nobody is there yet.'));

  return {
    endIfIdle,
    destroy: () => socket.destroy(),
    begin(opened) {
      connection = opened;
      opened.on('error', (error) => log.debug('A connection by SSH broke.', { err: error }));
      answerAuthentication({
        ...{ sshKeys: services.sshKeys, connection: opened, source: parts.source },
        ...{ failures: parts.failures, signal: gone.signal, onKnown },
      });
      const pressure = createPressure(socket, opened);
      let [sessions, refusals] = [0, 0];
      opened.on('session', (accept, reject) => {
        if (sessions >= MOST_SESSIONS) {
          if (++refusals > MOST_REFUSALS) socket.destroy();
          else reject();
          return;
        }
        sessions += 1;
        const session = accept();
        session.once('close', () => (sessions -= 1));
        serveSession(session, {
          ...{ services, log, pressure, onRun, httpOrigin: parts.httpOrigin },
          ...{ connectionSignal: gone.signal, caller: () => caller() },
        });
      });
    },
  };
}
