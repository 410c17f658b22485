import * as contract from '../../contract/accounts.ts';
import { timestamp } from '../../contract/shapes.ts';
import { clientRole, type Actor } from '../../domain/access.ts';
import type { AccessToken, Membership, User } from '../../domain/account.ts';
import { HubError } from '../../domain/errors.ts';
import { isPublicId } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Accounts } from '../../services/accounts.ts';
import type { Organizations } from '../../services/organizations.ts';
import type { BrowserSession, Sessions } from '../../services/sessions.ts';
import type { Setup } from '../../services/setup.ts';
import type { TokenReaches, WantedReach } from '../../services/token-reach.ts';
import type { ListedGrant, NamedReach, Tokens } from '../../services/tokens.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { cookieCounts } from '../guards.ts';
import { empty, json } from '../reply.ts';
import { header, type HubRequest } from '../request.ts';
import type { SessionCookie } from '../session-cookie.ts';

const DAY_MS = 86_400_000;

/** People: setup, sign-in, tokens, profile, and who the Hugging Face clients are. */
export function accountRoutes(services: {
  readonly accounts: Accounts;
  readonly organizations: Organizations;
  readonly sessions: Sessions;
  readonly setup: Setup;
  readonly tokens: Tokens;
  readonly tokenReaches: TokenReaches;
  readonly cookie: SessionCookie;
  readonly clock: Clock;
}): readonly Endpoint[] {
  const { accounts, organizations, sessions, setup, tokens, tokenReaches, cookie, clock } = services;

  const userShape = async (user: User) => sessionUserShape(user, await organizations.membershipsOf(user.id));

  async function startSession(request: HubRequest, user: User): Promise<Record<string, string>> {
    const client = header(request, 'user-agent') ?? '';
    const before = cookie.read(request);
    const { sessionId, expiresAt } = await sessions.start(user.id, client, before, request.remoteAddress);
    return cookie.write(request, sessionId, Math.floor((expiresAt - clock.now()) / 1000));
  }

  return [
    serve(contract.whoami, async ({ actor }) => {
      const memberships = await organizations.membershipsOf(actor.user.id);
      const isFineGrained = actor.token && actor.tokenRole === 'fineGrained';
      const reaches = isFineGrained ? await tokens.reachesOf(actor.user.id, actor.token.publicId) : undefined;
      return json(whoamiShape(actor.user, memberships, actor, reaches));
    }),

    serve(contract.setup, async ({ body, request }) => {
      cookieCounts(request);
      const wish = {
        name: body.name,
        fullName: body.fullName ?? undefined,
        email: body.email ?? undefined,
        password: body.password,
      };
      const user = await setup.complete(body.secret, wish, request.remoteAddress);
      return json({ user: await userShape(user) }, 201, await startSession(request, user));
    }),

    serve(contract.readSession, async ({ actor }) =>
      json({ user: actor.kind === 'user' ? await userShape(actor.user) : null }),
    ),

    serve(contract.signIn, async ({ body, request }) => {
      // A page of another origin must not sign somebody in under a name of its choice either.
      cookieCounts(request);
      const user = await accounts.signIn({ ...body, source: request.remoteAddress });
      return json({ user: await userShape(user) }, 200, await startSession(request, user));
    }),

    serve(contract.signOut, async ({ request }) => {
      const session = cookie.read(request);
      if (session !== undefined && cookieCounts(request)) await sessions.end(session);
      return { status: 204, headers: cookie.write(request, '', 0) };
    }),

    serve(contract.listTokens, async ({ actor }) => {
      const own = await tokens.listAll(actor.user.id);
      return json({
        tokens: [...own.tokens.map((token) => tokenShape(token, own.reaches)), ...own.grants.map(grantShape)],
      });
    }),

    serve(contract.createToken, async ({ actor, body }) => {
      const expiresAt = body.expiresInDays ? clock.now() + body.expiresInDays * DAY_MS : undefined;
      const { name, role } = body;
      if (role !== 'fineGrained' && body.access) {
        throw new HubError('InvalidBody', '"access" is for fine-grained tokens only.');
      }
      const reach =
        role === 'fineGrained'
          ? await tokenReaches.resolve(actor, (body.access ?? []).map(wantedReach))
          : undefined;
      const { token, secret } = await tokens.create(actor.user.id, { name, role, expiresAt, reach });
      const reaches = await tokens.reachesOf(actor.user.id, token.publicId);
      return json({ token: tokenShape(token, reaches), secret }, 201, { 'cache-control': 'no-store' });
    }),

    serve(contract.renameToken, async ({ actor, params, body }) => {
      const id = params['token'] ?? '';
      if (!isPublicId(id)) throw new HubError('NotFound', 'There is no such access token.');
      await tokens.rename(actor.user.id, id, body.name);
      return empty();
    }),

    serve(contract.deleteToken, async ({ actor, params }) => {
      const id = params['token'] ?? '';
      if (!isPublicId(id)) throw new HubError('NotFound', 'There is no such access token.');
      await tokens.revoke(actor.user.id, id);
      return empty();
    }),

    serve(contract.listSessions, async ({ actor, request }) => {
      const current = actor.via === 'session' ? cookie.read(request) : undefined;
      return json({ sessions: (await sessions.list(actor.user.id, current)).map(sessionShape) });
    }),

    serve(contract.deleteOtherSessions, async ({ actor, request }) => {
      await sessions.revokeOthers(actor.user.id, actor.via === 'session' ? cookie.read(request) : undefined);
      return empty();
    }),

    serve(contract.deleteSession, async ({ actor, params }) => {
      const id = params['session'] ?? '';
      if (!isPublicId(id)) throw new HubError('NotFound', 'There is no such session.');
      await sessions.revoke(actor.user.id, id);
      return empty();
    }),

    serve(contract.revokeCredentials, async ({ body }) => {
      await tokens.revokeSecrets(body.credentials);
      return empty(202);
    }),

    serve(contract.updateProfile, async ({ actor, body }) => {
      const profile = { fullName: body.fullName, email: body.email ?? undefined };
      return json({ user: await userShape(await accounts.updateProfile(actor.user.id, profile)) });
    }),

    serve(contract.changePassword, async ({ actor, body, request }) => {
      await accounts.changePassword({
        user: actor.user,
        current: body.current,
        next: body.next,
        source: request.remoteAddress,
        keepSession: actor.via === 'session' ? cookie.read(request) : undefined,
      });
      return empty();
    }),
  ];
}

const sessionUserShape = (user: User, memberships: readonly Membership[]): contract.SessionUserReply => ({
  id: user.publicId,
  name: user.name,
  fullName: user.fullName,
  email: user.email ?? null,
  isAdmin: user.isAdmin,
  organizations: memberships.map(({ organization, role }) => ({
    id: organization.publicId,
    name: organization.name,
    fullName: organization.fullName,
    role,
  })),
});

const wantedReach = ({ type, name, permission }: contract.TokenAccessReply): WantedReach => ({
  type: type === 'org' ? 'organization' : type,
  name,
  level: permission,
});

const accessShape = ({ type, name, level }: NamedReach): contract.TokenAccessReply => ({
  type: type === 'organization' ? 'org' : type,
  name,
  permission: level,
});

const sessionShape = (session: BrowserSession): contract.SessionReply => ({
  id: session.publicId,
  client: session.client,
  place: session.place,
  createdAt: timestamp(session.createdAt),
  lastSeenAt: timestamp(session.seenAt),
  isCurrent: session.isCurrent,
});

const grantShape = (grant: ListedGrant): contract.TokenReply => ({
  id: grant.publicId,
  name: grant.name,
  role: grant.role,
  kind: 'application',
  access: grant.role === 'fineGrained' ? [] : null,
  prefix: grant.prefix ?? '',
  createdAt: timestamp(grant.createdAt),
  lastUsedAt: grant.lastUsedAt === undefined ? null : timestamp(grant.lastUsedAt),
  expiresAt: timestamp(grant.expiresAt),
});

const tokenShape = (token: AccessToken, reaches: readonly NamedReach[]): contract.TokenReply => ({
  id: token.publicId,
  name: token.name,
  role: token.role,
  kind: 'token',
  access:
    token.role === 'fineGrained'
      ? reaches.filter((reach) => reach.token === token.publicId).map(accessShape)
      : null,
  prefix: token.prefix,
  createdAt: timestamp(token.createdAt),
  lastUsedAt: token.lastUsedAt === undefined ? null : timestamp(token.lastUsedAt),
  expiresAt: token.expiresAt === undefined ? null : timestamp(token.expiresAt),
});

/** As the Hub tells its clients what a token reaches. */
const fineGrainedShape = (reaches: readonly NamedReach[]) => ({
  canReadGatedRepos: false,
  global: [],
  scoped: reaches.map(({ type, id, name, level }) => ({
    entity: { _id: id, type: type === 'organization' ? 'org' : type, name },
    permissions: level === 'write' ? ['repo.content.read', 'repo.write'] : ['repo.content.read'],
  })),
});

/** Contract 1.1: every key that a client indexes is there. */
function whoamiShape(
  user: User,
  memberships: readonly Membership[],
  actor: Extract<Actor, { kind: 'user' }>,
  reaches: readonly NamedReach[] | undefined,
): Record<string, unknown> {
  return {
    type: 'user',
    id: user.publicId,
    name: user.name,
    fullname: user.fullName,
    email: user.email ?? null,
    emailVerified: user.email !== undefined,
    isPro: false,
    canPay: false,
    periodEnd: null,
    avatarUrl: '',
    orgs: memberships.map(({ organization, role }) => ({
      type: 'org',
      id: organization.publicId,
      name: organization.name,
      fullname: organization.fullName,
      email: null,
      canPay: false,
      periodEnd: null,
      avatarUrl: '',
      roleInOrg: clientRole(role),
      isEnterprise: false,
    })),
    auth: {
      type: actor.via === 'token' ? 'access_token' : 'session',
      accessToken: {
        // A client keeps what a program was granted under this name, and replaces it at the next sign-in.
        displayName: actor.token?.grant ? `oauth-${user.name}` : (actor.token?.name ?? 'session'),
        role: actor.tokenRole,
        createdAt: timestamp(actor.token?.createdAt ?? user.createdAt),
        ...(reaches ? { fineGrained: fineGrainedShape(reaches) } : {}),
      },
    },
  };
}
