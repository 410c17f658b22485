import { z } from 'zod';
import { ignored, text } from './query.ts';
import { anyone, capability, jsonBody, noBody, reply, route, signedIn } from './route.ts';

/*
 * Signing in with this hub: OAuth 2 and OpenID Connect as far as the Hub's clients use them (contract 1.1). Fields have
 * the names of the standards (RFC 6749, 7009, 7636, 8628, OpenID Connect Core).
 */

const MAX_BODY_BYTES = 64 * 1024;
const word = z.string().max(2000);
const form = <Schema extends z.ZodType>(schema: Schema) => ({
  kind: 'form-or-json' as const,
  schema,
  maxBytes: MAX_BODY_BYTES,
});

export interface DeviceCodeReply {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

export interface TokensReply {
  readonly access_token: string;
  readonly token_type: 'bearer';
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
}

/** What the page shows to the person who decides. */
export interface AskedReply {
  /** Undefined in the answer, so null here, for a program that nobody registered. */
  readonly name: string | null;
  readonly clientId: string;
  /** What its tokens may do beside telling who the person is. */
  readonly role: 'none' | 'read' | 'write';
  readonly seesEmail: boolean;
}

export interface AskedDeviceReply extends AskedReply {
  readonly userCode: string;
  /** Address that the program asked from. */
  readonly source: string;
  readonly client: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

export interface AskedAppReply extends AskedReply {
  /** Who registered the application here. */
  readonly owner: string;
  /** Origin that the person returns to. */
  readonly returnsTo: string;
}

export interface ApplicationReply {
  readonly clientId: string;
  readonly name: string;
  readonly isConfidential: boolean;
  readonly redirectUris: readonly string[];
  readonly createdAt: string;
}

export const openidConfiguration = route({
  method: 'GET',
  path: '/.well-known/openid-configuration',
  access: anyone('the addresses of the routes below'),
  summary: 'Where and how to sign in with this hub (OpenID Connect Discovery).',
  query: ignored,
  body: noBody,
});

export const oauthKeys = route({
  method: 'GET',
  path: '/oauth/jwks',
  access: anyone('public keys'),
  summary: 'Keys by which id tokens are proved.',
  query: ignored,
  body: noBody,
});

export const beginDevice = route({
  method: 'POST',
  path: '/oauth/device',
  access: capability('the code that is given out is nothing until a person lets it in'),
  summary: 'Begin to sign in a program on another device (`hf auth login`).',
  query: ignored,
  body: form(z.object({ client_id: z.string().min(1).max(256), scope: word.optional() })),
  answer: reply<DeviceCodeReply>(),
  errors: ['InvalidRequest', 'TooManyRequests'],
  errorForm: 'oauth',
});

export const oauthToken = route({
  method: 'POST',
  path: '/oauth/token',
  access: capability('the code or refresh token is the permission'),
  summary: 'Tokens for a device code, an authorization code or a refresh token.',
  query: ignored,
  body: form(
    z.object({
      grant_type: z.string().max(256),
      client_id: z.string().max(256).optional(),
      client_secret: z.string().max(256).optional(),
      device_code: word.optional(),
      refresh_token: word.optional(),
      code: word.optional(),
      redirect_uri: word.optional(),
      code_verifier: word.optional(),
    }),
  ),
  answer: reply<TokensReply>(),
  errors: ['InvalidRequest', 'InvalidCredentials'],
  errorForm: 'oauth',
});

export const revokeToken = route({
  method: 'POST',
  path: '/oauth/revoke',
  access: capability('having a token is the right to end it'),
  summary: 'End a token that was granted to a program (RFC 7009).',
  query: ignored,
  body: form(z.object({ token: word, token_type_hint: word.optional() })),
  errors: ['InvalidRequest'],
  errorForm: 'oauth',
});

export const userInfo = route({
  method: 'GET',
  path: '/oauth/userinfo',
  access: signedIn('read'),
  summary: 'Who the caller is, in the words of OpenID Connect.',
  query: ignored,
  body: noBody,
  errors: ['InvalidCredentials', 'SignInRequired'],
});

const request = {
  client_id: text(256),
  redirect_uri: text(2000),
  response_type: text(64),
  scope: text(2000),
  state: text(4096),
  nonce: text(512),
  code_challenge: text(256),
  code_challenge_method: text(64),
  prompt: text(64),
};

/** Answers the page that asks the person, or sends the browser back with what is wrong. */
export const authorize = route({
  method: 'GET',
  path: '/oauth/authorize',
  access: anyone('shows a page; what it asks is decided with a session'),
  summary: 'The page on which a person lets an application sign them in.',
  query: z.object(request),
  body: noBody,
  replies: [200, 302, 400],
  errorForm: 'oauth',
});

export const askedApplication = route({
  method: 'GET',
  path: '/api/oauth/authorize',
  access: signedIn('session'),
  summary: 'What an application asks for, for the page.',
  query: z.object(request),
  body: noBody,
  answer: reply<AskedAppReply>(),
  errors: ['InvalidRequest', 'Forbidden'],
});

export const decideApplication = route({
  method: 'POST',
  path: '/api/oauth/authorize',
  access: signedIn('session'),
  summary: 'Let an application sign the caller in, or not; answers where the browser goes next.',
  query: ignored,
  body: jsonBody(
    z.object({
      approve: z.boolean(),
      client_id: word,
      redirect_uri: word,
      response_type: word.nullish(),
      scope: word.nullish(),
      state: z.string().max(4096).nullish(),
      nonce: z.string().max(512).nullish(),
      code_challenge: word.nullish(),
      code_challenge_method: word.nullish(),
      prompt: word.nullish(),
    }),
  ),
  answer: reply<{ readonly redirect: string }>(),
  errors: ['InvalidRequest', 'Forbidden'],
});

export const askedDevice = route({
  method: 'GET',
  path: '/api/oauth/device',
  access: signedIn('session'),
  summary: 'Which program waits under a code, for the page.',
  query: z.object({ user_code: text(64) }),
  body: noBody,
  answer: reply<AskedDeviceReply>(),
  errors: ['NotFound', 'Gone', 'Forbidden', 'TooManyRequests'],
});

export const decideDevice = route({
  method: 'POST',
  path: '/api/oauth/device',
  access: signedIn('session'),
  summary: 'Let the program in that waits under a code, as the caller, or not.',
  query: ignored,
  body: jsonBody(z.object({ userCode: z.string().max(64), approve: z.boolean() })),
  replies: [204],
  errors: ['NotFound', 'Gone', 'Forbidden', 'TooManyRequests'],
});

export const listApplications = route({
  method: 'GET',
  path: '/api/settings/applications',
  access: signedIn('account'),
  summary: 'The applications that the caller registered to sign people in.',
  query: ignored,
  body: noBody,
  answer: reply<{ readonly applications: readonly ApplicationReply[] }>(),
});

export const createApplication = route({
  method: 'POST',
  path: '/api/settings/applications',
  access: signedIn('account'),
  summary: 'Register an application; its secret is in this answer only.',
  query: ignored,
  body: jsonBody(
    z.object({
      name: z.string(),
      redirectUris: z.array(z.string().max(4000)).max(100),
      isConfidential: z.boolean(),
    }),
  ),
  answer: reply<{ readonly application: ApplicationReply; readonly secret: string | null }>(),
  replies: [201],
  errors: ['InvalidBody', 'TooManyItems'],
});

export const deleteApplication = route({
  method: 'DELETE',
  path: '/api/settings/applications/:application',
  access: signedIn('account'),
  summary: 'Remove an application; whoever it signed in is signed out of it.',
  query: ignored,
  body: noBody,
  replies: [204],
  errors: ['NotFound'],
});
