import type ssh2 from 'ssh2';
import { HubError } from '../domain/errors.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { runInContext } from '../platform/context.ts';
import type { Log } from '../platform/log.ts';
import { newPublicId } from '../platform/random.ts';
import type { GitProtocol } from '../services/git-exchange.ts';
import type { KnownSshKey } from '../services/ssh-keys.ts';
import { runExec, sentenceOf, type ExecServices } from './exec.ts';
import { holdToPacketSize, writeNotice, type Pressure } from './pressure.ts';

export interface SessionParts {
  readonly services: ExecServices;
  readonly log: Log;
  readonly pressure: Pressure;
  readonly httpOrigin: string;
  /** Aborted when the connection is gone. */
  readonly connectionSignal: AbortSignal;
  /** The caller as they are by now. Throws Forbidden when their key was deleted. */
  caller(): Promise<KnownSshKey>;
  /** Called when a command begins; answers what to call for each sign of life, and at its end. */
  onRun(): { progress(): void; end(): void };
}

/** Codes that are the hub's own failures. */
const FAULTS: ReadonlySet<string> = new Set([
  'Internal',
  'CorruptObject',
  'Unavailable',
  'InsufficientStorage',
]);

/** One session: it may say which protocol it speaks, and then asks for one command. */
export function serveSession(session: ssh2.Session, parts: SessionParts): void {
  let protocol: GitProtocol = 0;
  const gone = new AbortController();
  const leave = (): void => gone.abort(new HubError('Gone', 'The client is gone.'));
  let isInputWhole = false;
  session.once('close', leave);
  session.once('eof', () => (isInputWhole = true));
  parts.connectionSignal.addEventListener('abort', leave, { once: true });

  session.on('env', (accept: (() => void) | undefined, reject: (() => void) | undefined, info) => {
    const asked = info.key === 'GIT_PROTOCOL' ? /^version=([0-2])$/.exec(info.val)?.[1] : undefined;
    if (asked === undefined) {
      reject?.();
      return;
    }
    protocol = Number(asked) as GitProtocol;
    accept?.();
  });
  session.on('exec', (accept, _reject, info) => start(accept, (io) => run(info.command, io)));
  session.on('shell', (accept) => start(accept, greet));

  function start(
    accept: () => ssh2.ServerChannel | undefined,
    work: (io: ChannelIo) => Promise<number>,
  ): void {
    // There is none when the session has one already.
    const channel = accept();
    if (!channel) return;
    const life = parts.onRun();
    const io = openIo(channel, { ...parts, signal: gone.signal, isInputWhole: () => isInputWhole, life });
    runInContext({ requestId: newPublicId() }, async () => {
      try {
        const status = await work(io);
        io.end(status);
      } finally {
        life.end();
      }
    }).catch((error: unknown) => {
      if (gone.signal.aborted) return;
      const isOurs = !(error instanceof HubError) || FAULTS.has(error.code);
      if (isOurs) parts.log.error('A command by SSH failed.', { err: error });
      io.tell(sentenceOf(error));
      io.end(1);
    });
  }

  async function run(text: string, io: ChannelIo): Promise<number> {
    const { httpOrigin } = parts;
    const caller = await parts.caller();
    const confirmCaller = () => parts.caller();
    return runExec(parts.services, {
      ...{ text, caller, confirmCaller, protocol, httpOrigin, signal: gone.signal },
      ...io,
    });
  }

  async function greet(io: ChannelIo): Promise<number> {
    const { actor } = await parts.caller();
    const name = actor.kind === 'user' ? actor.user.name : `deploy key "${actor.title}"`;
    io.tell(`Hi ${name}! Your key is known here. There is no shell: this hub serves git and git-lfs by SSH.`);
    return 1;
  }
}

interface ChannelIo {
  readonly input: ByteSource;
  write(bytes: Uint8Array): Promise<void>;
  tell(sentence: string): void;
  /** Say how it ended, in the order that clients expect: status, end of output, close. */
  end(status: number): void;
}

function openIo(
  channel: ssh2.ServerChannel,
  parts: {
    readonly pressure: Pressure;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly isInputWhole: () => boolean;
    readonly life: { progress(): void };
  },
): ChannelIo {
  const { pressure, signal, life } = parts;
  pressure.watch(channel);
  // What is written to somebody who has left is lost; they know.
  channel.on('error', () => undefined);
  channel.stderr.on('error', () => undefined);
  const isUsable = holdToPacketSize(channel);

  /** ssh2 throws when the connection ended a moment ago: then nobody is there to be told. */
  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      parts.log.debug('A client left before it heard the end.', { err: error });
    }
  }

  async function* read(): AsyncGenerator<Uint8Array> {
    for await (const piece of channel.iterator({ destroyOnReturn: false })) {
      life.progress();
      yield piece as Buffer;
    }
    if (!parts.isInputWhole()) throw new HubError('Gone', 'The client is gone.');
  }

  return {
    input: { [Symbol.asyncIterator]: read },
    async write(bytes) {
      if (!isUsable) throw new HubError('InvalidRequest', 'The packets of this channel are too small.');
      await pressure.write(channel, bytes, signal);
      life.progress();
    },
    tell(sentence) {
      if (isUsable && !signal.aborted) attempt(() => writeNotice(channel, `${sentence}\n`));
    },
    end(status) {
      if (signal.aborted) return;
      attempt(() => {
        channel.exit(status);
        channel.end();
        // What nobody reads any more still has to be taken, or the channel does not close.
        channel.resume();
      });
    },
  };
}
