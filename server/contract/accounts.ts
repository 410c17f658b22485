import { z } from 'zod';
import { ignored } from './query.ts';
import { anyone, jsonBody, noBody, reply, route, setupOnce, signedIn } from './route.ts';

export interface SessionUserReply {
  readonly id: string;
  readonly name: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly isAdmin: boolean;
  readonly organizations: readonly {
    readonly id: string;
    readonly name: string;
    readonly fullName: string;
    readonly role: 'visitor' | 'member' | 'admin' | 'super-admin';
  }[];
}

export interface UserReply {
  readonly user: SessionUserReply;
}

export interface TokenReply {
  readonly id: string;
  readonly name: string;
  readonly role: 'read' | 'write';
  readonly prefix: string;
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
  readonly expiresAt: string | null;
}

export const whoami = route({
  method: 'GET',
  path: '/api/whoami-v2',
  access: signedIn('read'),
  summary: 'Who the caller is, with organizations and the token used.',
  query: ignored,
  body: noBody,
  errors: ['InvalidCredentials', 'SignInRequired'],
});

const fullName = z.string().max(128);
const email = z.email().max(254);

export const setup = route({
  method: 'POST',
  path: '/api/setup',
  access: setupOnce(),
  summary: 'Create the first account, once, with the secret that the hub printed.',
  query: ignored,
  body: jsonBody(
    z.object({
      secret: z.string().max(256),
      name: z.string(),
      fullName: fullName.nullish(),
      email: email.nullish(),
      password: z.string(),
    }),
  ),
  answer: reply<UserReply>(),
  replies: [201],
  errors: ['Conflict', 'Forbidden', 'InvalidName', 'ReservedName', 'InvalidBody'],
});

export const readSession = route({
  method: 'GET',
  path: '/api/session',
  access: anyone('tells a browser whether it is signed in'),
  summary: 'The signed-in user, or null.',
  query: ignored,
  body: noBody,
  answer: reply<{ readonly user: SessionUserReply | null }>(),
});

export const signIn = route({
  method: 'POST',
  path: '/api/session',
  access: anyone('the password is the proof'),
  summary: 'Sign in with name and password.',
  query: ignored,
  body: jsonBody(z.object({ name: z.string().max(256), password: z.string().max(4096) })),
  answer: reply<UserReply>(),
  errors: ['InvalidCredentials', 'TooManyRequests'],
});

export const signOut = route({
  method: 'DELETE',
  path: '/api/session',
  access: anyone('ends the session of the cookie that is sent, if any'),
  summary: 'Sign out.',
  query: ignored,
  body: noBody,
  replies: [204],
});

export const listTokens = route({
  method: 'GET',
  path: '/api/settings/tokens',
  access: signedIn('write'),
  summary: 'The access tokens of the caller.',
  query: ignored,
  body: noBody,
  answer: reply<{ readonly tokens: readonly TokenReply[] }>(),
});

export const createToken = route({
  method: 'POST',
  path: '/api/settings/tokens',
  access: signedIn('write'),
  summary: 'Create an access token; its secret is in this answer only.',
  query: ignored,
  body: jsonBody(
    z.object({
      name: z.string(),
      role: z.enum(['read', 'write']),
      expiresInDays: z.number().int().min(1).max(3650).nullish(),
    }),
  ),
  answer: reply<{ readonly token: TokenReply; readonly secret: string }>(),
  replies: [201],
  errors: ['InvalidBody', 'Conflict', 'TooManyItems'],
});

export const deleteToken = route({
  method: 'DELETE',
  path: '/api/settings/tokens/:token',
  access: signedIn('write'),
  summary: 'Revoke an access token.',
  query: ignored,
  body: noBody,
  replies: [204],
  errors: ['NotFound'],
});

export const updateProfile = route({
  method: 'PUT',
  path: '/api/settings/profile',
  access: signedIn('write'),
  summary: 'Change the full name and e-mail address of the caller.',
  query: ignored,
  body: jsonBody(z.object({ fullName, email: email.nullable() })),
  answer: reply<UserReply>(),
});

export const changePassword = route({
  method: 'PUT',
  path: '/api/settings/password',
  access: signedIn('write'),
  summary: 'Change the password; every other session ends.',
  query: ignored,
  body: jsonBody(z.object({ current: z.string().max(4096), next: z.string().max(4096) })),
  replies: [204],
  errors: ['InvalidCredentials', 'InvalidBody', 'TooManyRequests'],
});
