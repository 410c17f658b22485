import type { Database } from '../db/stores.ts';
import type { Oid } from '../domain/ids.ts';
import type { FetchRequest } from '../git/fetch-request.ts';
import { ofType, typesOf } from '../git/object-types.ts';
import { createNegotiation, type Negotiation } from '../git/negotiation.ts';
import type { ObjectDb } from '../git/object-db.ts';
import type { PackQuestion } from '../git/pack-question.ts';
import { protocolError } from '../git/pkt-line.ts';
import { endHistory, type ShallowEnds } from '../git/shallow-history.ts';
import { shown } from '../domain/names.ts';
import type { Granted } from './authorize.ts';
import type { CommitGraphs } from './commit-graphs.ts';
import { readFetchRefs, type FetchRefs } from './fetch-refs.ts';
import { checkWants, readableObjects } from './fetch-wants.ts';
import type { PackAnswers } from './pack-answers.ts';
import type { RepoObjects } from './repo-objects.ts';

/** What a client may ask of one repository, the same in all protocols. Refs are as they were when it was opened. */
export interface FetchSession {
  readonly granted: Granted<'read'>;
  /** Address of the client. */
  readonly from: string;
  readonly refs: FetchRefs;
  readonly objects: ObjectDb;
  readonly signal: AbortSignal;
  /**
   * Check what is asked for, and find where the client's history will end. Throws InvalidRequest for what a reader may
   * not have, and for deepening that leads nowhere.
   */
  begin(request: FetchRequest): Promise<Fetch>;
  /** Those of `oids` that the reader may know of. */
  readable(oids: readonly Oid[]): Promise<ReadonlySet<Oid>>;
}

/** One fetch whose request was found good. */
export interface Fetch {
  readonly wants: readonly Oid[];
  readonly ends: ShallowEnds;
  readonly negotiation: Negotiation;
  /** The question once negotiation is over. */
  question(features: PackFeatures): PackQuestion;
}

/** What a client can do with a pack. */
export interface PackFeatures {
  readonly thinPack: boolean;
  readonly ofsDelta: boolean;
  readonly includeTag: boolean;
}

export interface FetchParts {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
  readonly commitGraphs: CommitGraphs;
  readonly packAnswers: PackAnswers;
}

export async function openFetchSession(
  { db, repoObjects, commitGraphs, packAnswers }: FetchParts,
  granted: Granted<'read'>,
  from: string,
  signal: AbortSignal,
): Promise<FetchSession> {
  const { repo } = granted;
  const refs = await readFetchRefs(db, repo);
  const objects = repoObjects.open(repo);
  const graph = commitGraphs.open(repo, objects);
  const scope = { repo, refs, objects, graph, packAnswers, signal };

  /** Commits that the names of `deepen-not` lead to. */
  async function excluded({ deepening }: FetchRequest): Promise<readonly Oid[]> {
    if (deepening?.kind !== 'limits') return [];
    const tips = deepening.not.map((name) => {
      const [ref, ...others] = refs.meantBy(name);
      if (ref === undefined || others.length > 0)
        throw protocolError(
          `upload-pack: ${ref ? 'ambiguous deepen-not' : 'deepen-not is not a ref'}: ${shown(name)}`,
        );
      return ref.peeled ?? ref.target;
    });
    return ofType(await typesOf(graph, objects, tips, signal), 'commit');
  }

  function targetOf(name: string): Oid {
    const ref = refs.find(name);
    if (ref === undefined) throw protocolError(`unknown ref ${shown(name)}`);
    return ref.target;
  }

  return {
    granted,
    from,
    refs,
    objects,
    signal,
    async begin(request) {
      const { shallow, deepening, filter } = request;
      const wants = [...new Set([...request.wants, ...[...request.wantRefs].map(targetOf)])];
      const not = await excluded(request);
      const wanted = await checkWants(scope, wants);
      // A client may have fetched from several repositories: not all that it calls shallow is known here.
      const clientShallow = ofType(await typesOf(graph, objects, [...shallow], signal), 'commit');
      const ends = await endHistory(graph, { wanted, clientShallow, deepening, not });
      const negotiation = createNegotiation({ objects, graph, wanted, signal });
      return {
        wants,
        ends,
        negotiation,
        question: ({ thinPack, ofsDelta, includeTag }) => ({
          wants,
          haves: negotiation.common,
          clientShallow: ends.clientShallow,
          cut: ends.cut,
          uncut: ends.uncut,
          filter,
          includeTags: includeTag
            ? refs.all.flatMap(({ target, peeled }) =>
                peeled === undefined ? [] : [{ tag: target, target: peeled }],
              )
            : [],
          mayBeThin: thinPack,
          mayUseOffsets: ofsDelta,
        }),
      };
    },
    async readable(oids) {
      const strangers = oids.filter((oid) => refs.peeledTip(oid) === undefined);
      const types = await readableObjects(scope, strangers);
      return new Set(oids.filter((oid) => refs.peeledTip(oid) !== undefined || types.has(oid)));
    },
  };
}
