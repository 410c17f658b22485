import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { FLUSH, packet } from './pkt-line.ts';

/** A ref as clients are told of it. */
export interface AdvertisedRef {
  /** Full name, or `HEAD`. */
  readonly name: string;
  readonly target: Oid;
  /** What an annotated tag leads to. */
  readonly peeled?: Oid | undefined;
}

const NO_OID = '0'.repeat(40);

/**
 * All refs with what the server can do, as protocol 0 and 1 begin (git, Documentation/gitprotocol-pack, "Reference
 * Discovery"). The capabilities stand behind the first ref, or in its place where there is none.
 */
export async function advertiseRefs(
  refs: Iterable<AdvertisedRef>,
  capabilities: readonly string[],
  protocol: 0 | 1,
): Promise<Buffer> {
  const slice = createTimeSlice();
  const packets: Buffer[] = protocol === 1 ? [packet('version 1\n')] : [];
  let behindFirst = `\0${capabilities.join(' ')}`;
  const tell = (oid: string, name: string): void => {
    packets.push(packet(`${oid} ${name}${behindFirst}\n`));
    behindFirst = '';
  };
  for (const { name, target, peeled } of refs) {
    tell(target, name);
    if (peeled !== undefined) tell(peeled, `${name}^{}`);
    if (slice.isOver()) await slice.next();
  }
  if (behindFirst !== '') tell(NO_OID, 'capabilities^{}');
  return Buffer.concat([...packets, FLUSH]);
}
