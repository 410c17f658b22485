import type { AdvertisedRef } from './ref-advertisement.ts';
import { protocolError } from './pkt-line.ts';
import { shown } from '../domain/names.ts';

/** Above so many prefixes everything is told, as git does: answers may hold more than was asked for. */
const MAX_PREFIXES = 65_536;

/** What `ls-refs` of protocol 2 asks (git, Documentation/gitprotocol-v2, "ls-refs"). */
export interface RefsQuestion {
  readonly peel: boolean;
  readonly symrefs: boolean;
  readonly unborn: boolean;
  /** Empty: all refs. */
  readonly prefixes: readonly string[];
}

/** Takes the arguments of `ls-refs` one after the other. */
export interface RefsQuestionReader {
  /** Throws InvalidRequest for what is no argument of it. */
  take(line: string): void;
  question(): RefsQuestion;
}

export function createRefsQuestionReader(): RefsQuestionReader {
  const flags = { peel: false, symrefs: false, unborn: false };
  const prefixes: string[] = [];
  return {
    take(line) {
      if (line.startsWith('ref-prefix ')) {
        if (prefixes.length <= MAX_PREFIXES) prefixes.push(line.slice('ref-prefix '.length));
      } else if (line === 'peel' || line === 'symrefs' || line === 'unborn') flags[line] = true;
      else throw protocolError(`ls-refs: unexpected line: '${shown(line)}'`);
    },
    question: () => ({ ...flags, prefixes: prefixes.length > MAX_PREFIXES ? [] : prefixes }),
  };
}

/**
 * The lines of the answer, `HEAD` first. `head` is the name of the branch that it stands for; one that does not exist
 * yet is told to clients who know of it, so that they begin with the same name.
 */
export function* answerRefs(
  question: RefsQuestion,
  refs: readonly AdvertisedRef[],
  head: string,
): Generator<string, void, undefined> {
  const isAsked = prefixFilter(question.prefixes);
  const target = question.symrefs ? ` symref-target:${head}` : '';
  if (isAsked('HEAD')) {
    const born = refs.find(({ name }) => name === head);
    if (born !== undefined) yield `${born.target} HEAD${target}\n`;
    else if (question.unborn && question.symrefs) yield `unborn HEAD${target}\n`;
  }
  for (const { name, target: oid, peeled } of refs) {
    if (!isAsked(name)) continue;
    yield `${oid} ${name}${question.peel && peeled !== undefined ? ` peeled:${peeled}` : ''}\n`;
  }
}

/** Looking a name up takes steps by the lengths of the prefixes, not by their number: there may be very many. */
function prefixFilter(prefixes: readonly string[]): (name: string) => boolean {
  if (prefixes.length === 0) return () => true;
  const known = new Set(prefixes);
  const lengths = [...new Set(prefixes.map(({ length }) => length))];
  return (name) => lengths.some((length) => length <= name.length && known.has(name.slice(0, length)));
}
