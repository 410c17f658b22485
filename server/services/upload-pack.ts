import { isHubError } from '../domain/errors.ts';
import { readCommandHead } from '../git/command-request.ts';
import { createPacketReader, protocolError } from '../git/pkt-line.ts';
import { readToEnd } from '../git/request-end.ts';
import { errorPacket } from '../git/side-band.ts';
import type { Log } from '../platform/log.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import type { Granted } from './authorize.ts';
import { readFetchRefs } from './fetch-refs.ts';
import { openFetchSession, type FetchParts } from './fetch-session.ts';
import type { FetchTurns } from './fetch-turns.ts';
import type { GitExchange, UploadPack } from './git-exchange.ts';
import { createPackSender } from './pack-sender.ts';
import { advertiseV0, answerWants } from './upload-pack-v0.ts';
import { answerCommand, CAPABILITIES_V2 } from './upload-pack-v2.ts';

export function createUploadPack(
  parts: FetchParts & {
    readonly turns: FetchTurns;
    readonly log: Log;
    readonly rightOfWay: RightOfWay;
  },
): UploadPack {
  const sendPack = createPackSender(parts);

  async function* converse(
    granted: Granted<'read'>,
    { protocol, isStateless, input, from, signal }: GitExchange,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = createPacketReader(input);
    /** Protocol 2 opens the repository once a request was read, protocol 0 before the haves. */
    const open = async () => {
      if (isStateless && protocol === 2) await readToEnd(reader);
      return openFetchSession(parts, granted, from, signal);
    };
    if (protocol !== 2) return yield* answerWants(reader, isStateless, open, sendPack);
    for (;;) {
      const head = await readCommandHead(reader);
      if (head === undefined && isStateless) throw protocolError('no command requested');
      if (head === undefined) return;
      yield* answerCommand(reader, head, open, sendPack);
      if (isStateless) return;
    }
  }

  return {
    async advertise({ repo }, protocol) {
      return protocol === 2 ? CAPABILITIES_V2 : advertiseV0(await readFetchRefs(parts.db, repo), protocol);
    },

    async *serve(granted, exchange) {
      try {
        yield* converse(granted, exchange);
      } catch (error) {
        if (!isHubError(error, 'InvalidRequest')) throw error;
        // What is wrong with a request the person reads in the words of git: "fatal: remote error: ...".
        yield errorPacket(error.message);
      }
    },
  };
}
