import * as contract from '../../contract/accounts.ts';
import { timestamp } from '../../contract/shapes.ts';
import { clientRole, type Actor } from '../../domain/access.ts';
import type { AccessToken, Membership, User } from '../../domain/account.ts';
import { HubError } from '../../domain/errors.ts';
import { isPublicId } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Accounts } from '../../services/accounts.ts';
import type { Organizations } from '../../services/organizations.ts';
import type { Sessions } from '../../services/sessions.ts';
import type { Setup } from '../../services/setup.ts';
import type { Tokens } from '../../services/tokens.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { SESSION_COOKIE, sessionCookie } from '../authenticate.ts';
import { cookieCounts } from '../guards.ts';
import { empty, json } from '../reply.ts';
import { header, type HubRequest } from '../request.ts';

const DAY_MS = 86_400_000;

/** People: setup, sign-in, tokens, profile, and who the Hugging Face clients are. */
export function accountRoutes(services: {
  readonly accounts: Accounts;
  readonly organizations: Organizations;
  readonly sessions: Sessions;
  readonly setup: Setup;
  readonly tokens: Tokens;
  readonly clock: Clock;
}): readonly Endpoint[] {
  const { accounts, organizations, sessions, setup, tokens, clock } = services;

  const userShape = async (user: User) => sessionUserShape(user, await organizations.membershipsOf(user.id));

  async function startSession(request: HubRequest, user: User): Promise<Record<string, string>> {
    const client = header(request, 'user-agent') ?? '';
    const { sessionId, expiresAt } = await sessions.start(user.id, client, sessionCookie(request));
    return { 'set-cookie': cookie(sessionId, Math.floor((expiresAt - clock.now()) / 1000)) };
  }

  return [
    serve(contract.whoami, async ({ actor }) => {
      const memberships = await organizations.membershipsOf(actor.user.id);
      return json(whoamiShape(actor.user, memberships, actor));
    }),

    serve(contract.setup, async ({ body, request }) => {
      cookieCounts(request);
      const user = await setup.complete(body.secret, {
        name: body.name,
        fullName: body.fullName ?? undefined,
        email: body.email ?? undefined,
        password: body.password,
      });
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
      const session = sessionCookie(request);
      if (session !== undefined && cookieCounts(request)) await sessions.end(session);
      return { status: 204, headers: { 'set-cookie': cookie('', 0) } };
    }),

    serve(contract.listTokens, async ({ actor }) =>
      json({ tokens: (await tokens.list(actor.user.id)).map(tokenShape) }),
    ),

    serve(contract.createToken, async ({ actor, body }) => {
      const expiresAt = body.expiresInDays ? clock.now() + body.expiresInDays * DAY_MS : undefined;
      const { token, secret } = await tokens.create(actor.user.id, {
        name: body.name,
        role: body.role,
        expiresAt,
      });
      return json({ token: tokenShape(token), secret }, 201, { 'cache-control': 'no-store' });
    }),

    serve(contract.deleteToken, async ({ actor, params }) => {
      const id = params['token'] ?? '';
      if (!isPublicId(id)) throw new HubError('NotFound', 'There is no such access token.');
      await tokens.revoke(actor.user.id, id);
      return empty();
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
        keepSession: actor.via === 'session' ? sessionCookie(request) : undefined,
      });
      return empty();
    }),
  ];
}

/** Over plain HTTP on the LAN as on this computer: not for scripts, and not for requests that other sites start. */
const cookie = (value: string, maxAgeSeconds: number): string =>
  `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}`;

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

const tokenShape = (token: AccessToken): contract.TokenReply => ({
  id: token.publicId,
  name: token.name,
  role: token.role,
  prefix: token.prefix,
  createdAt: timestamp(token.createdAt),
  lastUsedAt: token.lastUsedAt === undefined ? null : timestamp(token.lastUsedAt),
  expiresAt: token.expiresAt === undefined ? null : timestamp(token.expiresAt),
});

/** Contract 1.1: every key that a client indexes is there. */
function whoamiShape(
  user: User,
  memberships: readonly Membership[],
  actor: Extract<Actor, { kind: 'user' }>,
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
        displayName: actor.token?.name ?? 'session',
        role: actor.tokenRole,
        createdAt: timestamp(actor.token?.createdAt ?? user.createdAt),
      },
    },
  };
}
