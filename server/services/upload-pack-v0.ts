import { createFetchRequestReader, type FetchRequest } from '../git/fetch-request.ts';
import { answerHaves } from '../git/multi-ack.ts';
import { FLUSH, lineOf, packet, protocolError, type PacketReader } from '../git/pkt-line.ts';
import { advertiseRefs, type AdvertisedRef } from '../git/ref-advertisement.ts';
import { readToEnd } from '../git/request-end.ts';
import { AGENT, OBJECT_FORMAT, parseCapabilities, type WireCapabilities } from '../git/wire-capabilities.ts';
import { shown } from '../domain/names.ts';
import type { FetchRefs } from './fetch-refs.ts';
import type { FetchSession } from './fetch-session.ts';
import type { PackSender } from './pack-sender.ts';

/** What protocol 0 and 1 offer (git, Documentation/gitprotocol-capabilities). */
const CAPABILITIES = [
  ...['multi_ack', 'multi_ack_detailed', 'no-done', 'thin-pack', 'side-band', 'side-band-64k', 'ofs-delta'],
  ...['shallow', 'deepen-since', 'deepen-not', 'deepen-relative', 'no-progress', 'include-tag'],
  ...['allow-tip-sha1-in-want', 'allow-reachable-sha1-in-want', 'filter'],
];

/** What protocol 0 and 1 begin with. */
export function advertiseV0({ all, head, find }: FetchRefs, protocol: 0 | 1): Promise<Buffer> {
  const born = find('HEAD');
  const refs: AdvertisedRef[] = born === undefined ? [] : [{ ...born, name: 'HEAD' }];
  const symref = born === undefined ? [] : [`symref=HEAD:${head}`];
  return advertiseRefs([...refs, ...all], [...CAPABILITIES, ...symref, OBJECT_FORMAT, AGENT], protocol);
}

interface Wants {
  readonly request: FetchRequest;
  readonly capabilities: WireCapabilities;
}

/** Read what is wanted, up to its flush; undefined when that is nothing, or the client is gone. */
async function readWants(reader: PacketReader): Promise<Wants | undefined> {
  const asked = createFetchRequestReader();
  let capabilities: WireCapabilities | undefined;
  for (;;) {
    const next = await reader.next();
    if (next === undefined && capabilities === undefined) return undefined;
    if (next === undefined) throw protocolError('The request ends before its flush.');
    if (next.kind === 'flush') break;
    const line = next.kind === 'data' ? lineOf(next) : '';
    const [, want, words] = /^(want [^ ]+)(?: (.*))?$/.exec(line) ?? [];
    if (want === undefined) {
      const isKnown = /^(?:shallow|deepen|deepen-since|deepen-not|filter) /.test(line) && asked.take(line);
      if (!isKnown) throw protocolError(`upload-pack: expected "want", got '${shown(line)}'`);
      continue;
    }
    asked.take(want);
    // They stand behind the first want.
    capabilities ??= parseCapabilities(words ?? '');
  }
  if (capabilities === undefined) return undefined;
  if (capabilities.has('deepen-relative')) asked.deepenRelatively();
  return { request: asked.request(), capabilities };
}

/**
 * Serve one fetch of protocol 0 or 1: over HTTP one request of it, over SSH all that follows the advertisement.
 * Throws InvalidRequest.
 */
export async function* answerWants(
  reader: PacketReader,
  isStateless: boolean,
  open: () => Promise<FetchSession>,
  sendPack: PackSender,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wants = await readWants(reader);
  if (wants === undefined) {
    // Over SSH this is how a client leaves that has everything; over HTTP it does not ask at all.
    if (isStateless) throw protocolError('upload-pack: the request wants nothing');
    return;
  }
  const { request, capabilities } = wants;
  if (request.filter && !capabilities.has('filter'))
    throw protocolError('upload-pack: filtering capability not negotiated');
  const session = await open();
  const { ends, negotiation, question } = await session.begin(request);
  const said: Uint8Array[] =
    request.deepening === undefined ? [] : [...ends.lines.map((line) => packet(line)), FLUSH];
  if (!isStateless) yield* said.splice(0);
  const answers = answerHaves(reader, negotiation, {
    mode: capabilities.has('multi_ack_detailed')
      ? 'detailed'
      : capabilities.has('multi_ack')
        ? 'multi'
        : 'single',
    noDone: capabilities.has('no-done'),
    isStateless,
  });
  let answer = await answers.next();
  for (; !answer.done; answer = await answers.next()) {
    // A request over HTTP is read whole before a word is said to it.
    if (isStateless) said.push(answer.value);
    else yield answer.value;
  }
  if (isStateless) await readToEnd(reader);
  if (said.length > 0) yield Buffer.concat(said);
  if (answer.value === 'over') return;
  const features = {
    thinPack: capabilities.has('thin-pack'),
    ofsDelta: capabilities.has('ofs-delta'),
    includeTag: capabilities.has('include-tag'),
  };
  yield* sendPack(session, question(features), {
    sideBand: capabilities.has('side-band-64k')
      ? 'large'
      : capabilities.has('side-band')
        ? 'small'
        : undefined,
    noProgress: capabilities.has('no-progress'),
  });
}
