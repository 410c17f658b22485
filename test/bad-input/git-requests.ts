import type { Answer, RequestOptions } from '../support/hub.ts';
import { ZERO_OID } from '../support/forged-packs.ts';
import { tokenOf } from '../support/scenario.ts';
import type { Send } from './cases.ts';
import type { World } from './world.ts';

/** One pkt-line around a text or bytes. */
export function pkt(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data as string);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
}

export const FLUSH_PKT = Buffer.from('0000');
export const DELIM_PKT = Buffer.from('0001');

const RESULT = /^application\/x-git-(upload|receive)-pack-(result|advertisement)$/;

/** The lines that a git answer carries; those of band 1 are looked into, and band 3 is an error. */
function linesOf(body: Buffer): readonly string[] {
  const lines: string[] = [];
  let band1 = Buffer.alloc(0);
  for (let at = 0; at + 4 <= body.length;) {
    const length = Number.parseInt(body.toString('latin1', at, at + 4), 16);
    if (Number.isNaN(length) || (length > 0 && length < 4)) {
      at += 4;
      continue;
    }
    if (length === 0) {
      lines.push('');
      at += 4;
      continue;
    }
    const data = body.subarray(at + 4, at + length);
    if (data[0] === 1) band1 = Buffer.concat([band1, data.subarray(1)]);
    else if (data[0] === 3) lines.push(`ERR ${data.toString('utf8', 1)}`);
    else if (data[0] !== 2) lines.push(data.toString('utf8').replace(/\n$/, ''));
    at += length;
  }
  if (band1.length === 0) return lines;
  return band1.toString('latin1', 0, 4) === 'PACK' ? [...lines, 'PACK'] : [...lines, ...linesOf(band1)];
}

/**
 * What a git client is told: `error` for an error of the protocol, `ng` where every ref is refused, `some ng`, `ok`,
 * `pack`, `refs`, or `nothing`. Undefined for answers that are not git's.
 */
export function gitOutcome({ status, headers, body }: Answer): string | undefined {
  if (status !== 200 || !RESULT.test(headers['content-type'] ?? '')) return undefined;
  const lines = linesOf(body);
  if (lines.some((line) => line.startsWith('ERR '))) return 'error';
  if (headers['content-type']?.endsWith('advertisement')) return 'refs';
  const refused = lines.filter((line) => line.startsWith('ng ')).length;
  const taken = lines.filter((line) => line.startsWith('ok ')).length;
  if (refused > 0) return taken > 0 ? 'some ng' : 'ng';
  if (lines.some((line) => /^unpack (?!ok)/.test(line))) return 'ng';
  if (taken > 0) return 'ok';
  if (lines.includes('PACK') || body.includes('PACK')) return 'pack';
  return lines.every((line) => line === '' || line === 'NAK' || line.startsWith('unpack'))
    ? 'nothing'
    : 'text';
}

/** The sentences of a git answer, for whoever reads why it was refused. */
export const gitText = ({ body }: Answer): string => linesOf(body).join('\n');

export interface Command {
  readonly old?: string;
  readonly next: string;
  readonly ref: string;
}

export const CAPABILITIES = 'report-status side-band-64k object-format=sha1 agent=test/1';

/** The body of a push. `capabilities` undefined leaves out the NUL too. */
export function pushBody(
  commands: readonly Command[],
  pack: Buffer | undefined,
  options: {
    readonly capabilities?: string | null;
    readonly pushOptions?: readonly (string | Buffer)[];
  } = {},
): Buffer {
  const { capabilities = CAPABILITIES, pushOptions } = options;
  const lines = commands.map(({ old = ZERO_OID, next, ref }, at) =>
    pkt(`${old} ${next} ${ref}${at === 0 && capabilities !== null ? `\0 ${capabilities}` : ''}\n`),
  );
  const more = pushOptions === undefined ? [] : [...pushOptions.map(pkt), FLUSH_PKT];
  return Buffer.concat([...lines, FLUSH_PKT, ...more, pack ?? Buffer.alloc(0)]);
}

const typed = (service: string): RequestOptions['headers'] => ({
  'content-type': `application/x-${service}-request`,
});

/** POST a body to one of the two services of `owner/m1`, as its owner. */
export const gitPost =
  (
    service: 'git-upload-pack' | 'git-receive-pack',
    body: Buffer | ((world: World) => Buffer | Promise<Buffer>),
    options: RequestOptions & { readonly path?: string } = {},
  ): Send =>
  async (world) => {
    const { path = '/owner/m1.git', headers, ...others } = options;
    return world.hub.send('POST', `${path}/${service}`, {
      token: tokenOf('owner'),
      ...others,
      headers: { ...typed(service), ...headers },
      body: Buffer.isBuffer(body) ? body : await body(world),
    });
  };

/** A fetch in protocol 2: the arguments of the command, one a line. */
export const fetchV2 = (...lines: readonly string[]): Buffer =>
  Buffer.concat([
    pkt('command=fetch\n'),
    pkt('agent=test/1'),
    pkt('object-format=sha1'),
    DELIM_PKT,
    ...lines.map((line) => pkt(`${line}\n`)),
    FLUSH_PKT,
  ]);

export const V2 = { headers: { 'git-protocol': 'version=2' } } as const;
