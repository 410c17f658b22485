import * as contract from '../../contract/profiles.ts';
import type { RepoReply } from '../../contract/repos.ts';
import { timestamp } from '../../contract/shapes.ts';
import type { Actor } from '../../domain/access.ts';
import type { Membership } from '../../domain/account.ts';
import type { NamespaceId } from '../../domain/ids.ts';
import { repoFullName, type RepoKind } from '../../domain/repo.ts';
import type { Facts } from '../../services/facts.ts';
import type { OrganizationProfile, Profiles, UserProfile } from '../../services/profiles.ts';
import type { RepoInfo } from '../../services/repo-info.ts';
import type { Repositories, RepoListQuery } from '../../services/repositories.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { infoShape, needsFacts, usualListFields } from '../info-shape.ts';
import { json } from '../reply.ts';
import type { HubRequest } from '../request.ts';
import { personShape } from '../shapes.ts';
import { pageReply } from './keyset-page.ts';

type Sort = 'recent' | 'updated' | 'likes' | 'downloads' | 'trending';

/** `recent` is what was made last, `updated` what was changed last. */
const SORTS: Readonly<Record<Sort, RepoListQuery['sort']>> = {
  recent: 'createdAt',
  updated: 'updatedAt',
  likes: 'likes',
  downloads: 'downloads',
  trending: 'trending',
};
const DEFAULT_REPOS = 100;

/** What the hub shows of people and organizations. */
export function profileRoutes(services: {
  readonly facts: Facts;
  readonly info: RepoInfo;
  readonly profiles: Profiles;
  readonly repositories: Repositories;
}): readonly Endpoint[] {
  const { facts, info, profiles, repositories } = services;

  async function listOf(
    actor: Actor,
    query: { readonly owner: string; readonly kind: RepoKind; readonly limit: number; readonly sort: Sort },
  ): Promise<readonly RepoReply[]> {
    const { kind, sort, ...others } = query;
    await facts.catchUp(kind);
    const items = await repositories.list(actor, {
      ...others,
      kind,
      sort: SORTS[sort],
      direction: 'descending',
    });
    const usual = usualListFields(kind, {});
    const shapes: RepoReply[] = [];
    for await (const subject of info.subjects(items, needsFacts(usual)))
      shapes.push(await infoShape(info, subject, { expand: undefined, usual, withBlobs: false }));
    return shapes;
  }

  const storageReply = async (
    actor: Actor,
    name: string,
    request: HubRequest,
    query: { readonly limit: number | undefined; readonly cursor: string | undefined },
  ) => {
    const storage = await profiles.storage(actor, name);
    const totalBytes = await storage.totalBytes();
    return pageReply(request, query, {
      name: `repositories ${storage.owner.publicId}`,
      rows: storage.page,
      keyOf: ({ repo }) => repo.id,
      shapeOf: ({ repo, storedBytes }): contract.StoredRepoReply => ({
        id: repoFullName(repo),
        type: repo.kind,
        updatedAt: timestamp(repo.updatedAt),
        visibility: repo.visibility,
        storage: storedBytes,
        storagePercent: totalBytes === 0 ? 0 : (storedBytes / totalBytes) * 100,
      }),
    });
  };

  return [
    serve(contract.userOverview, async ({ actor, params }) =>
      json(userShape(await profiles.userProfile(actor, params['user'] ?? ''))),
    ),

    serve(contract.organizationOverview, async ({ actor, params }) =>
      json(organizationShape(await profiles.organizationProfile(actor, params['organization'] ?? ''))),
    ),

    serve(contract.userRepos, async ({ actor, params, query }) => {
      const { name: owner } = await profiles.owner(actor, params['user'] ?? '');
      const wanted = { owner, sort: query.sort ?? 'recent', limit: query.limit ?? DEFAULT_REPOS };
      return json({
        models: await listOf(actor, { ...wanted, kind: 'model' }),
        datasets: await listOf(actor, { ...wanted, kind: 'dataset' }),
        spaces: await listOf(actor, { ...wanted, kind: 'space' }),
        kernels: await listOf(actor, { ...wanted, kind: 'kernel' }),
      });
    }),

    ...[contract.userFollowers, contract.userFollowing].map((route) =>
      serve(route, async ({ actor, params }) => {
        await profiles.user(actor, params['user'] ?? '');
        return json([]);
      }),
    ),

    serve(contract.organizationFollowers, async ({ actor, params }) => {
      await profiles.organization(actor, params['organization'] ?? '');
      return json([]);
    }),

    serve(contract.organizationMembers, async ({ actor, params, request, query }) => {
      const organization = await profiles.organization(actor, params['organization'] ?? '');
      return pageReply(request, query, {
        name: `members ${organization.publicId}`,
        rows: (after, limit) =>
          profiles.members(actor, organization, after as NamespaceId | undefined, limit),
        keyOf: ({ id }) => id,
        shapeOf: personShape,
      });
    }),

    serve(contract.ownStorage, ({ actor, request, query }) =>
      storageReply(actor, actor.user.name, request, query),
    ),

    serve(contract.organizationStorage, ({ actor, params, request, query }) =>
      storageReply(actor, params['organization'] ?? '', request, query),
    ),
  ];
}

const countShape = (counts: Readonly<Record<RepoKind, number>>) => ({
  numModels: counts.model,
  numDatasets: counts.dataset,
  numSpaces: counts.space,
  numKernels: counts.kernel,
  numPapers: 0,
  numFollowers: 0,
  isFollowing: false,
});

const userShape = ({ user, counts, likes, memberships = [] }: UserProfile): contract.UserOverviewReply => ({
  _id: user.publicId,
  ...personShape(user),
  details: '',
  createdAt: timestamp(user.createdAt),
  ...countShape(counts),
  numDiscussions: 0,
  numUpvotes: 0,
  numLikes: likes,
  numFollowing: 0,
  orgs: memberships.map(membershipShape),
});

const membershipShape = ({ organization }: Membership): contract.OrganizationReply => ({
  type: 'org',
  id: organization.publicId,
  name: organization.name,
  fullname: organization.fullName,
  avatarUrl: '',
});

const organizationShape = ({
  organization,
  counts,
  members,
}: OrganizationProfile): contract.OrganizationOverviewReply => ({
  _id: organization.publicId,
  type: 'org',
  name: organization.name,
  fullname: organization.fullName,
  avatarUrl: '',
  details: '',
  createdAt: timestamp(organization.createdAt),
  isVerified: false,
  ...countShape(counts),
  ...(members === undefined ? {} : { numUsers: members }),
});
