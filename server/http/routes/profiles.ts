import * as contract from '../../contract/profiles.ts';
import { timestamp } from '../../contract/shapes.ts';
import type { Actor } from '../../domain/access.ts';
import type { Membership } from '../../domain/account.ts';
import type { NamespaceId } from '../../domain/ids.ts';
import { repoFullName, type RepoKind } from '../../domain/repo.ts';
import type { OrganizationProfile, Profiles, UserProfile } from '../../services/profiles.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { json } from '../reply.ts';
import type { HubRequest } from '../request.ts';
import { personShape } from '../shapes.ts';
import { pageReply } from './keyset-page.ts';

/** What the hub shows of people and organizations. */
export function profileRoutes(services: { readonly profiles: Profiles }): readonly Endpoint[] {
  const { profiles } = services;

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
