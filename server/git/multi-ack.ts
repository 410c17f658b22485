import type { Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { Negotiation } from './negotiation.ts';
import { lineOf, packet, protocolError, type PacketReader } from './pkt-line.ts';
import { parseWireOid } from './fetch-request.ts';

/** How much a client of protocol 0 wants to hear while it says what it has. */
export type AckMode = 'single' | 'multi' | 'detailed';

/** Haves that are answered together, within what a client sends before it listens. */
const BATCH = 256;
/** Most that one conversation may name: real clients give up after 256 that are unknown. */
const MAX_HAVES = 200_000;

/** What the conversation has come to. */
export type AckEnd =
  /** The pack is next. */
  | 'pack'
  /** The client asks again in another request, or is gone. */
  | 'over';

/**
 * Answer the haves of protocol 0 and 1 (git, Documentation/gitprotocol-pack, "Packfile Negotiation"), line by line as
 * git's own `upload-pack` does. Throws InvalidRequest for any other line.
 */
export async function* answerHaves(
  reader: PacketReader,
  negotiation: Negotiation,
  options: { readonly mode: AckMode; readonly noDone: boolean; readonly isStateless: boolean },
): AsyncGenerator<Uint8Array, AckEnd, undefined> {
  const { mode, noDone, isStateless } = options;
  let haves: Oid[] = [];
  let count = 0;
  let last: Oid | undefined;
  let hasSaidReady = false;
  /** Since the last flush. */
  let sawCommon = false;
  let sawOther = false;

  async function* answerBatch(): AsyncGenerator<Uint8Array, void, undefined> {
    const batch = haves;
    haves = [];
    const isFirst = negotiation.common.length === 0;
    const common = await negotiation.take(batch);
    const lines: string[] = [];
    for (const oid of batch) {
      if (common.has(oid)) {
        if (mode === 'detailed') lines.push(`ACK ${oid} common\n`);
        else if (mode === 'multi') lines.push(`ACK ${oid} continue\n`);
        else if (isFirst && last === undefined) lines.push(`ACK ${oid}\n`);
        sawCommon = true;
        last = oid;
        continue;
      }
      sawOther = true;
      if (mode === 'single' || !(await negotiation.isReady())) continue;
      if (mode === 'detailed') hasSaidReady = true;
      lines.push(`ACK ${oid} ${mode === 'detailed' ? 'ready' : 'continue'}\n`);
    }
    if (lines.length > 0) yield Buffer.concat(lines.map((line) => packet(line)));
  }

  for (;;) {
    const next = await reader.next();
    const line = next?.kind === 'data' ? lineOf(next) : undefined;
    if (line?.startsWith('have ')) {
      haves.push(parseWireOid(line.slice('have '.length), 'after "have"'));
      count += 1;
      if (count > MAX_HAVES)
        throw protocolError(`upload-pack: at most ${MAX_HAVES} "have" lines are taken in one fetch`);
      if (haves.length >= BATCH) yield* answerBatch();
      continue;
    }
    yield* answerBatch();
    if (next === undefined) return 'over';
    if (line === 'done') {
      if (last === undefined) yield packet('NAK\n');
      else if (mode !== 'single') yield packet(`ACK ${last}\n`);
      return 'pack';
    }
    if (next.kind !== 'flush')
      throw protocolError(`upload-pack: expected "have" or "done", got '${shown(line ?? next.kind)}'`);
    if (mode === 'detailed' && sawCommon && !sawOther && last && (await negotiation.isReady())) {
      hasSaidReady = true;
      yield packet(`ACK ${last} ready\n`);
    }
    if (last === undefined || mode !== 'single') yield packet('NAK\n');
    if (noDone && hasSaidReady && last) {
      yield packet(`ACK ${last}\n`);
      return 'pack';
    }
    if (isStateless) return 'over';
    sawCommon = false;
    sawOther = false;
  }
}
