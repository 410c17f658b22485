import { ignored } from './query.ts';
import { anyone, noBody, reply, route, signedIn } from './route.ts';

export interface HubReply {
  readonly name: string;
  readonly version: string;
  readonly setupRequired: boolean;
  /** Origin by which this request reached the hub. */
  readonly endpoint: string;
  /** Every origin at which the hub answers, the one to recommend first. */
  readonly endpoints: readonly string[];
  /** Where git is served by SSH, and by which keys clients know the hub; null where SSH is switched off. */
  readonly ssh: {
    readonly port: number;
    readonly hostKeys: readonly { readonly type: string; readonly fingerprint: string }[];
  } | null;
  /** Told to whoever sets the hub up or administers it. */
  readonly dataFolder: string | null;
}

type ShownKind = 'model' | 'dataset' | 'space';

export interface OverviewReply {
  readonly counts: Readonly<Record<ShownKind, number>>;
  /** Sizes in bytes; those of the disk are null where the system does not tell. */
  readonly storage: {
    readonly heldBytes: number;
    /** Repositories share large files, so these can be more than what is held. */
    readonly byKind: Readonly<Record<ShownKind, number>>;
    readonly freeBytes: number | null;
    readonly totalBytes: number | null;
    readonly countedAt: string;
  };
  readonly recent: readonly {
    readonly kind: ShownKind;
    readonly id: string;
    readonly private: boolean;
    readonly lastModified: string;
    readonly usedStorage: number;
    readonly lastCommit: {
      readonly id: string;
      readonly title: string;
      readonly author: string;
      readonly date: string;
    } | null;
  }[];
}

export const hubFacts = route({
  method: 'GET',
  path: '/api/hub',
  access: anyone('the page needs it before anybody signed in'),
  summary: 'What this hub is and how to reach it.',
  query: ignored,
  body: noBody,
  answer: reply<HubReply>(),
});

export const overview = route({
  method: 'GET',
  path: '/api/overview',
  access: signedIn('read'),
  summary: 'Counts, storage and the repositories that changed last, as far as the caller may see.',
  query: ignored,
  body: noBody,
  answer: reply<OverviewReply>(),
});

/** The clients ask this before nearly every command and keep a 200 (delta 2.1). */
export const agentHarnesses = route({
  method: 'GET',
  path: '/api/agent-harnesses',
  access: anyone('a constant'),
  summary: 'No agent harnesses are known here.',
  query: ignored,
  body: noBody,
});

export const health = route({
  method: 'GET',
  path: '/healthz',
  access: anyone('says only that the process answers'),
  summary: 'The process answers.',
  query: ignored,
  body: noBody,
});

export const readiness = route({
  method: 'GET',
  path: '/readyz',
  access: anyone('says only whether the hub can work'),
  summary: 'Stores open, lock held, migrations done.',
  query: ignored,
  body: noBody,
  replies: [200, 503],
});

/**
 * Endpoints of the Hub API that exist at huggingface.co and are not offered here yet: they answer 501 with a
 * sentence. Anything else that is unknown is 404 (design, section 4).
 */
export const NOT_OFFERED_YET: readonly string[] = [
  '/api/:kind/:namespace/:name/discussions',
  '/api/:kind/:namespace/:name/discussions/*',
  '/api/:kind/:namespace/:name/user-access-request/*',
  '/api/collections',
  '/api/collections/*',
  '/api/settings/webhooks',
  '/api/settings/webhooks/*',
];
