import * as contract from '../../contract/hub.ts';
import { timestamp } from '../../contract/shapes.ts';
import { repoFullName } from '../../domain/repo.ts';
import type { Clock } from '../../platform/clock.ts';
import type { createOverview, RecentRepo } from '../../services/overview.ts';
import type { Readiness } from '../../services/readiness.ts';
import type { Setup } from '../../services/setup.ts';
import { userNameOf } from '../../services/signatures.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { json } from '../reply.ts';
import { splitMessage } from '../shapes.ts';

/** The SSH server: where it is, and the keys by which clients know it. */
export interface SshFacts {
  readonly port: number;
  readonly hostKeys: readonly { readonly type: string; readonly fingerprint: string }[];
}

/** What the hub says about itself. */
export function hubRoutes(services: {
  readonly name: string;
  readonly version: string;
  readonly dataFolder: string;
  readonly endpoints: () => readonly string[];
  /** Undefined where git is not served by SSH. */
  readonly ssh: SshFacts | undefined;
  readonly clock: Clock;
  readonly setup: Setup;
  readonly overviews: ReturnType<typeof createOverview>;
  readonly readiness: Readiness;
}): readonly Endpoint[] {
  const { clock, setup, overviews, readiness } = services;
  return [
    serve(contract.hubFacts, async ({ request, actor }) => {
      const setupRequired = await setup.isRequired();
      return json({
        name: services.name,
        version: services.version,
        setupRequired,
        endpoint: request.origin,
        endpoints: services.endpoints(),
        ssh: services.ssh ?? null,
        // Where files lie concerns whoever sets the hub up or runs it.
        dataFolder:
          setupRequired || (actor.kind === 'user' && actor.user.isAdmin) ? services.dataFolder : null,
      });
    }),

    serve(contract.overview, async ({ actor }) => {
      const { counts, heldBytes, bytesByKind, disk, recent } = await overviews.overview(actor);
      return json({
        counts,
        storage: {
          heldBytes,
          byKind: bytesByKind,
          freeBytes: disk?.freeBytes ?? null,
          totalBytes: disk?.totalBytes ?? null,
          countedAt: timestamp(clock.now()),
        },
        recent: recent.flatMap(recentShape),
      });
    }),

    serve(contract.agentHarnesses, () => json({ standardEnvVars: [], harnesses: {} })),

    serve(contract.health, () => json({ status: 'ok' }, 200, { 'cache-control': 'no-store' })),

    serve(contract.readiness, async () => {
      const checks = await readiness.check();
      const isReady = checks.every((check) => check.ok);
      const value = { status: isReady ? 'ready' : 'not ready', checks };
      return json(value, isReady ? 200 : 503, { 'cache-control': 'no-store' });
    }),
  ];
}

/** Kernels have no page of their own, so they are not shown among the others. */
function recentShape({
  repo,
  usedStorage,
  lastCommit,
}: RecentRepo): contract.OverviewReply['recent'][number] | [] {
  const { kind } = repo;
  if (kind === 'kernel' || kind === 'bucket') return [];
  return {
    kind,
    id: repoFullName(repo),
    private: repo.visibility === 'private',
    lastModified: timestamp(repo.updatedAt),
    usedStorage,
    lastCommit: lastCommit
      ? {
          id: lastCommit.oid,
          title: splitMessage(lastCommit.commit.message).title,
          author: userNameOf(lastCommit.commit.author),
          date: timestamp(lastCommit.commit.committer.time * 1000),
        }
      : null,
  };
}
