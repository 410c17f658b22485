/**
 * What a request tells about a download. A client may ask about a file and then have it sent, have it sent in many
 * ranges, or rebuild it from chunks, and all of that is one download of that file.
 */
export type DownloadSign =
  /** A client that downloads asked about a file, whose bytes it takes from elsewhere. */
  | { readonly kind: 'asked'; readonly path: string }
  /** A file is sent from its first byte. */
  | { readonly kind: 'sent'; readonly path: string }
  /** Bytes of some file, which is not told by name or was begun before. */
  | { readonly kind: 'bytes'; readonly isStart: boolean };

/** Tells which requests begin a download of a repository. */
export interface DownloadRounds {
  /** True when this request of a caller begins one. `now` and the time without requests are in milliseconds. */
  begins(caller: string, sign: DownloadSign, now: number): boolean;
}

interface Visit {
  /** Downloads that this visit was counted as so far. */
  rounds: number;
  /** How often each file was asked for or sent. */
  readonly times: Map<number, number>;
  seenAt: number;
}

/** A visit is over when nothing was asked for so long. */
const IDLE_MS = 5 * 60_000;
/** Of a download of more files, the first ones are enough to tell when the next begins. */
const MOST_FILES = 500;
/** Visits and files of a generation; there are two of them. */
const MOST_VISITS = 5_000;
const MOST_FILES_IN_ALL = 25_000;

/**
 * One download of a repository is many requests: some dozen files, several at once, with questions and ranges. A caller
 * who comes for different files is still at the same download; one who comes for the same file again has begun
 * another. So a visit counts as often as its most frequent file was fetched, and at least once.
 *
 * Memory is bounded: a full generation becomes the old one, and whoever is not seen again before the next is full is
 * forgotten, and begins anew.
 */
export function createDownloadRounds(): DownloadRounds {
  let young = new Map<string, Visit>();
  let old = new Map<string, Visit>();
  let youngFiles = 0;

  function visitOf(caller: string, now: number): Visit {
    const current = young.get(caller);
    const known = current ?? old.get(caller);
    const isGoingOn = known !== undefined && now - known.seenAt < IDLE_MS;
    const visit = isGoingOn ? known : { rounds: 0, times: new Map<number, number>(), seenAt: now };
    visit.seenAt = now;
    if (visit === current) return visit;
    if (young.size >= MOST_VISITS || youngFiles >= MOST_FILES_IN_ALL) {
      old = young;
      young = new Map();
      youngFiles = 0;
    }
    young.set(caller, visit);
    youngFiles += visit.times.size;
    return visit;
  }

  /** How often this was asked for during the visit, or 1 where that is not remembered. */
  function timesOf(visit: Visit, sign: DownloadSign): number {
    if (sign.kind === 'bytes') return 1;
    // Asking about a file and having it sent are counted apart, so that the two together are one.
    const key = hashOf(sign.path) * 2 + (sign.kind === 'asked' ? 1 : 0);
    const known = visit.times.get(key);
    if (known === undefined) {
      if (visit.times.size >= MOST_FILES) return 1;
      youngFiles += 1;
    }
    const times = (known ?? 0) + 1;
    visit.times.set(key, times);
    return times;
  }

  return {
    begins(caller, sign, now) {
      const visit = visitOf(caller, now);
      if (timesOf(visit, sign) <= visit.rounds) return false;
      visit.rounds += 1;
      return true;
    },
  };
}

/** FNV-1a, 32 bits: paths may be long, and to take two files of a visit for one does little harm. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
