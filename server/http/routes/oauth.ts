import * as contract from '../../contract/oauth.ts';
import { timestamp } from '../../contract/shapes.ts';
import { clientRole } from '../../domain/access.ts';
import type { Membership, User } from '../../domain/account.ts';
import { forbidden, HubError, isHubError } from '../../domain/errors.ts';
import { isPublicId } from '../../domain/ids.ts';
import {
  hasScope,
  oauthRefusal,
  OAUTH_SCOPES,
  roleOfScope,
  DEFAULT_DEVICE_SCOPE,
} from '../../domain/oauth.ts';
import type { DeviceLogin } from '../../services/device-login.ts';
import type { IdTokens } from '../../services/id-tokens.ts';
import { requireSecret, type OAuthApp, type OAuthApps } from '../../services/oauth-apps.ts';
import type { AuthorizationRequest, OAuthCodes } from '../../services/oauth-codes.ts';
import type { IssuedTokens, OAuthGrants } from '../../services/oauth-grants.ts';
import type { Organizations } from '../../services/organizations.ts';
import type { Tokens } from '../../services/tokens.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { authorizationRequest as oauthRequest, clientOf, withParameters } from '../oauth-request.ts';
import type { PageServer } from '../pages.ts';
import { empty, json, type Reply } from '../reply.ts';
import { header } from '../request.ts';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** Signing in with this hub, on other devices and in other applications. */
export function oauthRoutes(services: {
  readonly deviceLogin: DeviceLogin;
  readonly oauthApps: OAuthApps;
  readonly oauthCodes: OAuthCodes;
  readonly oauthGrants: OAuthGrants;
  readonly idTokens: IdTokens;
  readonly organizations: Organizations;
  readonly tokens: Tokens;
  readonly pages: PageServer;
}): readonly Endpoint[] {
  const { deviceLogin, oauthApps, oauthCodes, oauthGrants, idTokens, organizations, tokens, pages } =
    services;

  const claimsOf = async (user: User, scope: string, origin: string) =>
    claimsShape(user, await organizations.membershipsOf(user.id), scope, origin);

  return [
    serve(contract.openidConfiguration, ({ request }) => json(configurationShape(request.origin))),

    serve(contract.oauthKeys, async () => json({ keys: await idTokens.publicKeys() })),

    serve(contract.beginDevice, async ({ body, request }) => {
      const begun = await deviceLogin.begin({
        clientId: body.client_id,
        scope: body.scope,
        source: request.remoteAddress,
        client: header(request, 'user-agent') ?? '',
      });
      const page = `${request.origin}/oauth/device`;
      const value = {
        device_code: begun.deviceCode,
        user_code: begun.userCode,
        verification_uri: page,
        verification_uri_complete: `${page}?user_code=${begun.userCode}`,
        expires_in: begun.expiresInSeconds,
        interval: begun.intervalSeconds,
      };
      return json(value, 200, NO_STORE);
    }),

    serve(contract.oauthToken, async ({ body, request }) => {
      const { clientId, clientSecret } = clientOf(request, body);
      if (body.grant_type === DEVICE_CODE) {
        const code = required(body.device_code, 'device_code');
        const issued = await deviceLogin.poll(required(clientId, 'client_id'), code);
        return json(tokensShape(issued), 200, NO_STORE);
      }
      if (body.grant_type === 'refresh_token') {
        const issued = await oauthGrants.refresh(
          required(body.refresh_token, 'refresh_token'),
          async (grant) => {
            if (clientId !== undefined && clientId !== grant.clientId) {
              throw oauthRefusal('invalid_grant', 'This refresh token was given to another program.');
            }
            const app = grant.appId === undefined ? undefined : await oauthApps.get(grant.clientId);
            if (app) requireSecret(app, clientSecret);
          },
        );
        return json(tokensShape(issued), 200, NO_STORE);
      }
      if (body.grant_type === 'authorization_code') {
        const { code, tokens: issued } = await oauthCodes.redeem({
          code: required(body.code, 'code'),
          redirectUri: body.redirect_uri,
          verifier: body.code_verifier,
          ...{ clientId, clientSecret },
        });
        const { user, scope, nonce, createdAt } = code;
        if (!hasScope(scope, 'openid')) return json(tokensShape(issued), 200, NO_STORE);
        const idToken = await idTokens.sign(request.origin, code.app.publicId, {
          ...(await claimsOf(user, scope, request.origin)),
          ...(nonce === undefined ? {} : { nonce }),
          auth_time: Math.floor(createdAt / 1000),
        });
        return json({ ...tokensShape(issued), id_token: idToken }, 200, NO_STORE);
      }
      throw oauthRefusal('unsupported_grant_type', 'This hub does not offer this kind of grant.');
    }),

    serve(contract.revokeToken, async ({ body }) => {
      await tokens.revokeSecrets([body.token]);
      await oauthGrants.revoke(body.token);
      return json({});
    }),

    serve(contract.userInfo, async ({ actor, request }) => {
      const scope = actor.token?.grant?.scope ?? DEFAULT_DEVICE_SCOPE;
      if (!hasScope(scope, 'openid')) throw forbidden('This access token does not have the scope "openid".');
      return json(await claimsOf(actor.user, scope, request.origin), 200, NO_STORE);
    }),

    serve(contract.authorize, async ({ query, request }) => {
      const asked = oauthRequest(query);
      try {
        await oauthCodes.check(asked);
      } catch (error) {
        if (!isHubError(error, 'InvalidRequest')) throw error;
        // Whether the browser may be sent back depends on the address alone; if not, the page says what is wrong.
        if (await isReturnable(oauthApps, asked)) return redirect(refusalUri(asked, error, request.origin));
        const wantsPage = (header(request, 'accept') ?? '').includes('text/html');
        if (!wantsPage) throw error;
        return pages.index(400);
      }
      return pages.index(200);
    }),

    serve(contract.askedApplication, async ({ query }) => {
      const asked = oauthRequest(query);
      const { app, scope } = await oauthCodes.check(asked);
      return json({
        ...askedShape(app.name, app.publicId, scope),
        owner: app.owner,
        returnsTo: new URL(asked.redirectUri).origin,
      });
    }),

    serve(contract.decideApplication, async ({ body, actor, request }) => {
      const asked = oauthRequest(body);
      if (!body.approve) {
        await oauthApps.find(asked.clientId, asked.redirectUri);
        const error = oauthRefusal('access_denied', 'The person said no.');
        return json({ redirect: refusalUri(asked, error, request.origin) });
      }
      const code = await oauthCodes.approve(actor.user, asked);
      const parameters = { code, state: asked.state, iss: request.origin };
      return json({ redirect: withParameters(asked.redirectUri, parameters) }, 200, NO_STORE);
    }),

    serve(contract.askedDevice, async ({ query, actor, request }) => {
      const device = await deviceLogin.find(actor.user, request.remoteAddress, query.user_code ?? '');
      return json({
        ...askedShape(device.name ?? null, device.clientId, device.scope),
        userCode: device.userCode,
        source: device.source,
        client: device.client,
        createdAt: timestamp(device.createdAt),
        expiresAt: timestamp(device.expiresAt),
      });
    }),

    serve(contract.decideDevice, async ({ body, actor, request }) => {
      await deviceLogin.decide(actor.user, request.remoteAddress, body.userCode, body.approve);
      return empty();
    }),

    serve(contract.listApplications, async ({ actor }) =>
      json({ applications: (await oauthApps.list(actor.user.id)).map(applicationShape) }),
    ),

    serve(contract.createApplication, async ({ actor, body }) => {
      const { app, secret } = await oauthApps.create(actor.user.id, body);
      return json({ application: applicationShape(app), secret: secret ?? null }, 201, NO_STORE);
    }),

    serve(contract.deleteApplication, async ({ actor, params }) => {
      const id = params['application'] ?? '';
      if (!isPublicId(id)) throw new HubError('NotFound', 'There is no such application.');
      await oauthApps.remove(actor.user.id, id);
      return empty();
    }),
  ];
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw oauthRefusal('invalid_request', `"${name}" is missing.`);
  return value;
}

async function isReturnable(
  apps: OAuthApps,
  { clientId, redirectUri }: AuthorizationRequest,
): Promise<boolean> {
  return apps.find(clientId, redirectUri).then(
    () => true,
    () => false,
  );
}

const redirect = (location: string): Reply => ({ status: 302, headers: { location, ...NO_STORE } });

const refusalUri = (asked: AuthorizationRequest, error: HubError, origin: string): string =>
  withParameters(asked.redirectUri, {
    error: String(error.details['oauthError']),
    error_description: error.message,
    state: asked.state,
    iss: origin,
  });

const askedShape = (name: string | null, clientId: string, scope: string): contract.AskedReply => {
  const role = roleOfScope(scope);
  return {
    name,
    clientId,
    role: role === 'fineGrained' ? 'none' : role,
    seesEmail: hasScope(scope, 'email'),
  };
};

const applicationShape = (app: OAuthApp): contract.ApplicationReply => ({
  clientId: app.publicId,
  name: app.name,
  isConfidential: app.secretHash !== undefined,
  redirectUris: app.redirectUris,
  createdAt: timestamp(app.createdAt),
});

const tokensShape = (issued: IssuedTokens): contract.TokensReply => ({
  access_token: issued.accessToken,
  token_type: 'bearer',
  expires_in: issued.expiresInSeconds,
  scope: issued.scope,
  ...(issued.refreshToken === undefined ? {} : { refresh_token: issued.refreshToken }),
});

/** OpenID Connect Core 5.1, and the fields that the Hub adds (`UserInfo` of @huggingface/hub). */
function claimsShape(
  user: User,
  memberships: readonly Membership[],
  scope: string,
  origin: string,
): Record<string, unknown> {
  const profile = {
    name: user.fullName,
    preferred_username: user.name,
    profile: `${origin}/${encodeURIComponent(user.name)}`,
    picture: '',
    isPro: false,
    canPay: false,
    orgs: memberships.map(({ organization, role }) => ({
      sub: organization.publicId,
      name: organization.fullName,
      preferred_username: organization.name,
      picture: '',
      isEnterprise: false,
      canPay: false,
      roleInOrg: clientRole(role),
    })),
  };
  const email = { email: user.email, email_verified: user.email !== undefined };
  return {
    sub: user.publicId,
    ...(hasScope(scope, 'profile') ? profile : {}),
    ...(hasScope(scope, 'email') && user.email !== undefined ? email : {}),
  };
}

const configurationShape = (origin: string) => ({
  issuer: origin,
  authorization_endpoint: `${origin}/oauth/authorize`,
  token_endpoint: `${origin}/oauth/token`,
  userinfo_endpoint: `${origin}/oauth/userinfo`,
  device_authorization_endpoint: `${origin}/oauth/device`,
  revocation_endpoint: `${origin}/oauth/revoke`,
  jwks_uri: `${origin}/oauth/jwks`,
  scopes_supported: OAUTH_SCOPES,
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code', 'refresh_token', DEVICE_CODE],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
  claims_supported: [
    'sub',
    'iss',
    'aud',
    'exp',
    'iat',
    'nonce',
    'name',
    'preferred_username',
    'profile',
    'picture',
    'email',
    'email_verified',
  ],
});
