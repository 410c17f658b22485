import { isOid, type Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { parseFilterSpec } from './filter-spec.ts';
import type { ObjectFilter } from './pack-question.ts';
import { protocolError } from './pkt-line.ts';

/**
 * Most ids that one fetch may name of each sort. A checkout of a partial clone asks for every file at once, and a client
 * with very many refs has as many haves.
 */
const MAX_IDS = 200_000;
/** Most characters of all names of refs that one fetch may want: a clone of git names every branch and tag. */
const MAX_REF_CHARACTERS = 2 ** 24;
/** Most refs whose history a fetch may leave out. */
const MAX_EXCLUDED = 1000;

/** The depth with which clients say "all of it" (git, `INFINITE_DEPTH`). */
export const INFINITE_DEPTH = 0x7fffffff;

/** Where a client wants its history to end. */
export type Deepening =
  /** So many commits from what is wanted, or from where it ends now. */
  | { readonly kind: 'depth'; readonly depth: number; readonly isRelative: boolean }
  /** At commits before a time (seconds), or that refs of these names reach. */
  | { readonly kind: 'limits'; readonly since: number | undefined; readonly not: readonly string[] };

/** What a fetch names, in any protocol. Nothing of it is checked against the repository. */
export interface FetchRequest {
  /** Each once: git asks for the same id twice in every clone. */
  readonly wants: ReadonlySet<Oid>;
  /** Refs that are wanted whatever they are by now (protocol 2). */
  readonly wantRefs: ReadonlySet<string>;
  readonly haves: ReadonlySet<Oid>;
  /** Commits where the client's history ends. */
  readonly shallow: ReadonlySet<Oid>;
  readonly deepening: Deepening | undefined;
  readonly filter: ObjectFilter | undefined;
}

/** Takes lines of a fetch as they come. */
export interface FetchRequestReader {
  /** False for a line that is none of these. Throws InvalidRequest for what is wrong in one, or too much. */
  take(line: string): boolean;
  /** Count `--deepen` from where the client's history ends. */
  deepenRelatively(): void;
  request(): FetchRequest;
}

/** An id as clients write it. Throws InvalidRequest. */
export function parseWireOid(text: string, what: string): Oid {
  const oid = text.toLowerCase();
  if (!isOid(oid)) throw protocolError(`upload-pack: expected an object id ${what}, not '${shown(text)}'`);
  return oid;
}

export function createFetchRequestReader(): FetchRequestReader {
  const wants = new Set<Oid>();
  const wantRefs = new Set<string>();
  const haves = new Set<Oid>();
  const shallow = new Set<Oid>();
  const not = new Set<string>();
  let depth: number | undefined;
  let since: number | undefined;
  let isRelative = false;
  let filter: ObjectFilter | undefined;

  const addOid = (set: Set<Oid>, text: string, what: string): void => {
    set.add(parseWireOid(text, `after "${what}"`));
    if (set.size > MAX_IDS)
      throw protocolError(`upload-pack: at most ${MAX_IDS} "${what}" lines are taken in one fetch`);
  };
  let refCharacters = 0;
  const addRef = (name: string): void => {
    if (wantRefs.has(name)) throw protocolError(`upload-pack: duplicate want-ref '${shown(name)}'`);
    wantRefs.add(name);
    refCharacters += name.length;
    if (wantRefs.size > MAX_IDS || refCharacters > MAX_REF_CHARACTERS)
      throw protocolError('upload-pack: more refs are wanted than one fetch may name');
  };
  const positive = (text: string, most: number, what: string): number => {
    const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > most) throw protocolError(`upload-pack: invalid ${what}: ${shown(text)}`);
    return value;
  };

  const takers: Readonly<Record<string, (value: string) => void>> = {
    want: (value) => addOid(wants, value, 'want'),
    'want-ref': addRef,
    have: (value) => addOid(haves, value, 'have'),
    shallow: (value) => addOid(shallow, value, 'shallow'),
    deepen: (value) => {
      depth = positive(value, INFINITE_DEPTH, 'deepen');
    },
    'deepen-since': (value) => {
      since = positive(value, Number.MAX_SAFE_INTEGER, 'deepen-since');
    },
    'deepen-not': (value) => {
      not.add(value);
      if (not.size > MAX_EXCLUDED)
        throw protocolError(`upload-pack: at most ${MAX_EXCLUDED} refs can be left out of one fetch`);
    },
    filter: (value) => {
      filter = parseFilterSpec(value);
    },
  };

  function deepening(): Deepening | undefined {
    const isLimited = since !== undefined || not.size > 0;
    if (depth === undefined) return isLimited ? { kind: 'limits', since, not: [...not] } : undefined;
    if (isLimited)
      throw protocolError('upload-pack: deepen and deepen-since (or deepen-not) cannot be used together');
    return { kind: 'depth', depth, isRelative };
  }

  return {
    take(line) {
      const space = line.indexOf(' ');
      const word = line.slice(0, Math.max(0, space));
      if (!Object.hasOwn(takers, word)) return false;
      takers[word]?.(line.slice(space + 1));
      return true;
    },
    deepenRelatively() {
      isRelative = true;
    },
    request: () => ({ wants, wantRefs, haves, shallow, deepening: deepening(), filter }),
  };
}
