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

/** The report a client asked for (git, Documentation/gitprotocol-pack, "Reporting Status"), its flush included. */
export function writeReport(unpackFailure: string | undefined, refs: readonly RefReport[]): Buffer {
  const lines = refs.map(({ name, refusal }) =>
    refusal === undefined ? `ok ${name}\n` : `ng ${name} ${onOneLine(refusal)}\n`,
  );
  const unpack = `unpack ${unpackFailure === undefined ? 'ok' : onOneLine(unpackFailure)}\n`;
  const packets = [unpack, ...lines].map((line) =>
    packet(Buffer.from(line).subarray(0, MAX_PACKET_DATA_BYTES)),
  );
  return Buffer.concat([...packets, FLUSH]);
}
