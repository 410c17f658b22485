import type { Oid } from '../domain/ids.ts';
import { readArguments, type CommandHead } from '../git/command-request.ts';
import { createFetchRequestReader, parseWireOid, type FetchRequest } from '../git/fetch-request.ts';
import { answerRefs, createRefsQuestionReader } from '../git/ls-refs.ts';
import { DELIMITER, FLUSH, packet, protocolError, type PacketReader } from '../git/pkt-line.ts';
import { AGENT, OBJECT_FORMAT } from '../git/wire-capabilities.ts';
import { shown } from '../domain/names.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { Fetch, FetchSession } from './fetch-session.ts';
import type { PackSender } from './pack-sender.ts';

/** Sizes that one request may ask for. */
const MAX_SIZES = 10_000;
/** Lines of an answer sent together. */
const BATCH = 1000;

/** What protocol 2 begins with (git, Documentation/gitprotocol-v2, "Capability Advertisement"). */
export const CAPABILITIES_V2: Buffer = Buffer.concat([
  packet('version 2\n'),
  packet(`${AGENT}\n`),
  packet('ls-refs=unborn\n'),
  packet('fetch=shallow wait-for-done filter ref-in-want\n'),
  packet('server-option\n'),
  packet(`${OBJECT_FORMAT}\n`),
  packet('object-info=size\n'),
  FLUSH,
]);

const lines = (texts: Iterable<string>): Buffer => Buffer.concat([...texts].map((text) => packet(text)));

/** Answer one request of protocol 2. `open` reads the refs as they are now: hours may lie between two requests. */
export async function* answerCommand(
  reader: PacketReader,
  head: CommandHead,
  open: () => Promise<FetchSession>,
  sendPack: PackSender,
): AsyncGenerator<Uint8Array, void, undefined> {
  switch (head.command) {
    case 'ls-refs':
      return yield* answerLsRefs(reader, head, open);
    case 'object-info':
      return yield* answerObjectInfo(reader, head, open);
    case 'fetch':
      return yield* answerFetch(reader, head, open, sendPack);
  }
}

async function* answerLsRefs(
  reader: PacketReader,
  head: CommandHead,
  open: () => Promise<FetchSession>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const asked = createRefsQuestionReader();
  await readArguments(reader, head, asked.take);
  const { refs } = await open();
  const slice = createTimeSlice();
  let batch: string[] = [];
  for (const line of answerRefs(asked.question(), refs.all, refs.head)) {
    if (batch.push(line) < BATCH) continue;
    yield lines(batch);
    batch = [];
    if (slice.isOver()) await slice.next();
  }
  yield Buffer.concat([lines(batch), FLUSH]);
}

async function* answerObjectInfo(
  reader: PacketReader,
  head: CommandHead,
  open: () => Promise<FetchSession>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let wantsSize = false;
  const oids: Oid[] = [];
  await readArguments(reader, head, (line) => {
    if (line === 'size') wantsSize = true;
    else if (line.startsWith('oid ')) oids.push(parseWireOid(line.slice('oid '.length), 'after "oid"'));
    else throw protocolError(`object-info: unexpected line: '${shown(line)}'`);
    if (oids.length > MAX_SIZES) throw protocolError(`object-info: at most ${MAX_SIZES} objects at a time`);
  });
  const session = await open();
  const readable = await session.readable(oids);
  if (wantsSize) yield packet('size');
  for (let at = 0; at < oids.length; at += BATCH) {
    const batch = oids.slice(at, at + BATCH);
    const infos = await session.objects.infoMany(batch.filter((oid) => readable.has(oid)));
    yield lines(batch.map((oid) => (wantsSize ? `${oid} ${infos.get(oid)?.sizeBytes ?? ''}` : oid)));
  }
  yield FLUSH;
}

/** Words that are arguments of `fetch` by themselves. */
interface FetchWords {
  done: boolean;
  'thin-pack': boolean;
  'no-progress': boolean;
  'include-tag': boolean;
  'ofs-delta': boolean;
  'deepen-relative': boolean;
  'wait-for-done': boolean;
}

async function readFetch(
  reader: PacketReader,
  head: CommandHead,
): Promise<{ readonly request: FetchRequest; readonly words: Readonly<FetchWords> }> {
  const asked = createFetchRequestReader();
  const words: FetchWords = {
    ...{ done: false, 'thin-pack': false, 'no-progress': false, 'include-tag': false },
    ...{ 'ofs-delta': false, 'deepen-relative': false, 'wait-for-done': false },
  };
  await readArguments(reader, head, (line) => {
    if (asked.take(line)) return;
    if (!Object.hasOwn(words, line)) throw protocolError(`fetch: unexpected line: '${shown(line)}'`);
    words[line as keyof FetchWords] = true;
  });
  if (words['deepen-relative']) asked.deepenRelatively();
  return { request: asked.request(), words };
}

async function* answerFetch(
  reader: PacketReader,
  head: CommandHead,
  open: () => Promise<FetchSession>,
  sendPack: PackSender,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { request, words } = await readFetch(reader, head);
  const isAsked = request.wants.size > 0 || request.wantRefs.size > 0;
  // Without a want, haves are only compared when the client says that it wants no pack for them.
  if (!isAsked && !(words['wait-for-done'] && request.haves.size > 0)) {
    yield FLUSH;
    return;
  }
  const session = await open();
  const fetch = await session.begin(request);
  const { negotiation } = fetch;
  const common = await negotiation.take(request.haves);
  if (!words.done && request.haves.size > 0) {
    const acks = [...common].map((oid) => `ACK ${oid}\n`);
    const isReady = !words['wait-for-done'] && isAsked && (await negotiation.isReady());
    yield lines([
      'acknowledgments\n',
      ...(acks.length > 0 ? acks : ['NAK\n']),
      ...(isReady ? ['ready\n'] : []),
    ]);
    yield isReady ? DELIMITER : FLUSH;
    if (!isReady) return;
  }
  yield sectionsOf(session, fetch, request);
  yield packet('packfile\n');
  const question = fetch.question({
    thinPack: words['thin-pack'],
    ofsDelta: words['ofs-delta'],
    includeTag: words['include-tag'],
  });
  yield* sendPack(session, question, { sideBand: 'large', noProgress: words['no-progress'] });
}

/** What stands between the acknowledgments and the pack. */
function sectionsOf(session: FetchSession, { ends }: Fetch, request: FetchRequest): Buffer {
  const sections: Buffer[] = [];
  if (request.shallow.size > 0 || request.deepening !== undefined)
    sections.push(lines(['shallow-info\n', ...ends.lines]), DELIMITER);
  if (request.wantRefs.size > 0) {
    const named = [...request.wantRefs].map((name) => `${session.refs.find(name)?.target} ${name}\n`);
    sections.push(lines(['wanted-refs\n', ...named]), DELIMITER);
  }
  return Buffer.concat(sections);
}
