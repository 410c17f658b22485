import { isHubError } from '../domain/errors.ts';
import type { PackQuestion } from '../git/pack-question.ts';
import { BAND, createProgress, onBand, sideBanded, type SideBandSize } from '../git/side-band.ts';
import type { Log } from '../platform/log.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import type { FetchSession } from './fetch-session.ts';
import type { FetchTurns } from './fetch-turns.ts';
import type { PackAnswers } from './pack-answers.ts';

/** How the pack travels. */
export interface PackFraming {
  /** Without one the pack is sent bare, and nothing can be said beside it. */
  readonly sideBand: SideBandSize | undefined;
  readonly noProgress: boolean;
}

/** Sends the pack that answers a fetch; with bands, the end of the answer included. */
export type PackSender = (
  session: FetchSession,
  question: PackQuestion,
  framing: PackFraming,
) => AsyncGenerator<Uint8Array, void, undefined>;

export function createPackSender(parts: {
  readonly packAnswers: Pick<PackAnswers, 'pack'>;
  readonly turns: FetchTurns;
  readonly log: Log;
  readonly rightOfWay: Pick<RightOfWay, 'hold' | 'holdFor'>;
}): PackSender {
  const { packAnswers, turns, log, rightOfWay } = parts;

  return async function* send(session, question, { sideBand, noProgress }) {
    const { granted, from, signal } = session;
    const stop = new AbortController();
    const signals = AbortSignal.any([signal, stop.signal]);
    const progress = createProgress();
    const say = (text: string): void => {
      if (!noProgress) progress.say(text);
    };

    async function* pack(): AsyncGenerator<Uint8Array, void, undefined> {
      using turn = await turns.take(granted.actor, from, signals, () =>
        say('Waiting for other fetches of yours to end.\n'),
      );
      void turn;
      const answer = await rightOfWay.hold(() =>
        packAnswers.pack(granted.repo, question, { signal: signals, onProgress: say }),
      );
      yield* rightOfWay.holdFor(answer.bytes);
    }

    try {
      if (sideBand === undefined) yield* pack();
      else yield* sideBanded(pack(), sideBand, progress);
    } catch (error) {
      if (sideBand === undefined || signal.aborted) throw error;
      const isTold = isHubError(error) && error.code !== 'CorruptObject' && error.code !== 'Internal';
      if (!isTold) log.error('A pack could not be sent.', { err: error, repo: granted.repo.publicId });
      const sentence = isTold ? error.message : 'The hub failed to make this pack.';
      yield onBand(BAND.failure, Buffer.from(`${sentence}\n`), sideBand);
    } finally {
      stop.abort();
    }
  };
}
