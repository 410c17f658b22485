import { z } from 'zod';
import { pageQuery, type PersonReply } from './likes.ts';
import { choice, ignored, integer } from './query.ts';
import type { RepoReply } from './repos.ts';
import { anyone, noBody, reply, route, signedIn } from './route.ts';
import type { heldKind, visibility } from './shapes.ts';

/** An organization in the overview of a person. */
export interface OrganizationReply {
  readonly type: 'org';
  readonly id: string;
  readonly name: string;
  readonly fullname: string;
  readonly avatarUrl: string;
}

/** What both overviews count: no more than the caller may see. There are no papers, and nobody follows anybody. */
interface CountsReply {
  readonly numModels: number;
  readonly numDatasets: number;
  readonly numSpaces: number;
  readonly numKernels: number;
  readonly numPapers: number;
  readonly numFollowers: number;
  readonly isFollowing: boolean;
}

export interface UserOverviewReply extends PersonReply, CountsReply {
  readonly _id: string;
  readonly details: string;
  readonly createdAt: string;
  readonly numDiscussions: number;
  readonly numUpvotes: number;
  readonly numLikes: number;
  readonly numFollowing: number;
  readonly orgs: readonly OrganizationReply[];
}

export interface OrganizationOverviewReply extends CountsReply {
  readonly _id: string;
  readonly type: 'org';
  readonly name: string;
  readonly fullname: string;
  readonly avatarUrl: string;
  readonly details: string;
  readonly createdAt: string;
  readonly isVerified: boolean;
  /** Absent for callers who may not see who belongs to it. */
  readonly numUsers?: number;
}

/** A repository in the settings of its owner, with the room it takes. */
export interface StoredRepoReply {
  readonly id: string;
  readonly type: z.infer<typeof heldKind>;
  readonly updatedAt: string;
  readonly visibility: z.infer<typeof visibility>;
  /** Bytes of its large files. */
  readonly storage: number;
  /** Of what all repositories of the owner take, 0 to 100. */
  readonly storagePercent: number;
}

export const userOverview = route({
  method: 'GET',
  path: '/api/users/:user/overview',
  access: anyone('counts what the caller may read; organizations are told to users alone'),
  summary: 'Who a user is, and how much of what they have.',
  query: ignored,
  body: noBody,
  answer: reply<UserOverviewReply>(),
  errors: ['NotFound', 'SignInRequired'],
});

export const organizationOverview = route({
  method: 'GET',
  path: '/api/organizations/:organization/overview',
  access: anyone('counts what the caller may read; members are counted for users alone'),
  summary: 'What an organization is, and how much of what it has.',
  query: ignored,
  body: noBody,
  answer: reply<OrganizationOverviewReply>(),
  errors: ['NotFound', 'SignInRequired'],
});

export const userRepos = route({
  method: 'GET',
  path: '/api/users/:user/repos',
  access: anyone('lists show what the caller may read'),
  summary: 'Repositories of a user or an organization, up to a limit of each kind.',
  query: z.object({
    sort: choice(['recent', 'updated', 'likes', 'downloads', 'trending']),
    limit: integer(1, 1000),
  }),
  body: noBody,
  answer: reply<{
    readonly models: readonly RepoReply[];
    readonly datasets: readonly RepoReply[];
    readonly spaces: readonly RepoReply[];
    readonly kernels: readonly RepoReply[];
  }>(),
  errors: ['NotFound', 'SignInRequired'],
});

const nobody = (path: `/api/${string}`) =>
  route({
    method: 'GET',
    path,
    access: anyone('nobody follows anybody here'),
    summary: 'Nobody: this hub has no following.',
    query: pageQuery,
    body: noBody,
    answer: reply<readonly PersonReply[]>(),
    errors: ['NotFound', 'SignInRequired'],
  });

export const userFollowers = nobody('/api/users/:user/followers');
export const userFollowing = nobody('/api/users/:user/following');
export const organizationFollowers = nobody('/api/organizations/:organization/followers');

export const organizationMembers = route({
  method: 'GET',
  path: '/api/organizations/:organization/members',
  access: signedIn('read'),
  summary: 'Who belongs to an organization.',
  query: pageQuery,
  body: noBody,
  answer: reply<readonly PersonReply[]>(),
  errors: ['NotFound', 'InvalidCursor'],
});

export const ownStorage = route({
  method: 'GET',
  path: '/api/settings/repositories',
  access: signedIn('read'),
  summary: 'The repositories of the caller, the newest first, with the room they take.',
  query: pageQuery,
  body: noBody,
  answer: reply<readonly StoredRepoReply[]>(),
  errors: ['InvalidCursor'],
});

export const organizationStorage = route({
  method: 'GET',
  path: '/api/organizations/:organization/settings/repositories',
  access: signedIn('read'),
  summary: 'The repositories of an organization of the caller, the newest first, with the room they take.',
  query: pageQuery,
  body: noBody,
  answer: reply<readonly StoredRepoReply[]>(),
  errors: ['NotFound', 'Forbidden', 'InvalidCursor'],
});
