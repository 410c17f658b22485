import { createTimeSlice } from '../platform/time-slice.ts';
import { FLUSH, MAX_PACKET_DATA_BYTES, packet } from './pkt-line.ts';

/** What became of one ref of a push. */
export interface RefReport {
  readonly name: string;
  /** Why it did not move; undefined when it did. */
  readonly refusal: string | undefined;
}

/** Longer texts are nothing that anybody reads. */
const MAX_REASON = 2000;

const onOneLine = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- control characters would end the line or color a terminal
  text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, MAX_REASON);

/** Lines that go together. */
const BATCH = 1000;

/**
 * The report a client asked for (git, Documentation/gitprotocol-pack, "Reporting Status"), its flush included, in pieces.
 */
export async function* writeReport(
  unpackFailure: string | undefined,
  refs: readonly RefReport[],
): AsyncGenerator<Buffer, void, undefined> {
  const slice = createTimeSlice();
  const line = (text: string): Buffer => packet(Buffer.from(text).subarray(0, MAX_PACKET_DATA_BYTES));
  let batch = [line(`unpack ${unpackFailure === undefined ? 'ok' : onOneLine(unpackFailure)}\n`)];
  for (const { name, refusal } of refs) {
    batch.push(line(refusal === undefined ? `ok ${name}\n` : `ng ${name} ${onOneLine(refusal)}\n`));
    if (batch.length < BATCH) continue;
    yield Buffer.concat(batch);
    batch = [];
    if (slice.isOver()) await slice.next();
  }
  yield Buffer.concat([...batch, FLUSH]);
}
