import { z } from 'zod';
import { ignored } from './query.ts';
import { anyone, capability, jsonBody, noBody, reply, route, setupOnce, signedIn } from './route.ts';

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

/** One thing that a fine-grained token reaches. `name` is `owner/name` of a repository. */
export interface TokenAccessReply {
  readonly type: 'model' | 'dataset' | 'space' | 'kernel' | 'bucket' | 'user' | 'org';
  readonly name: string;
  readonly permission: 'read' | 'write';
}

export interface TokenReply {
  readonly id: string;
  readonly name: string;
  readonly role: 'read' | 'write' | 'fineGrained';
  /** A program that was let in by OAuth; its tokens are one entry, and it cannot be renamed. */
  readonly kind: 'token' | 'application';
  /** What a fine-grained token reaches; null for others. */
  readonly access: readonly TokenAccessReply[] | null;
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
/** The rules for a new one are stricter (`services/passwords.ts`). */
const password = z
  .string()
  .max(4096)
  .refine((text) => !text.includes('\0'), 'must not have zero characters');
/** Large enough to say of a password that it is too long, and not of the body. */
const PASSWORD_BODY_BYTES = 4 * 1024 * 1024;

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
      password,
    }),
    { maxBytes: PASSWORD_BODY_BYTES },
  ),
  answer: reply<UserReply>(),
  replies: [201],
  errors: ['Conflict', 'Forbidden', 'InvalidName', 'ReservedName', 'InvalidBody', 'TooManyRequests'],
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
  body: jsonBody(z.object({ name: z.string().max(256), password }), { maxBytes: PASSWORD_BODY_BYTES }),
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
  access: signedIn('account'),
  summary: 'The access tokens of the caller, and the programs let in by OAuth.',
  query: ignored,
  body: noBody,
  answer: reply<{ readonly tokens: readonly TokenReply[] }>(),
});

export const createToken = route({
  method: 'POST',
  path: '/api/settings/tokens',
  access: signedIn('account'),
  summary: 'Create an access token; its secret is in this answer only.',
  query: ignored,
  body: jsonBody(
    z.object({
      name: z.string(),
      role: z.enum(['read', 'write', 'fineGrained']),
      expiresInDays: z.number().int().min(1).max(3650).nullish(),
      /** What a fine-grained token is to reach; others have none. */
      access: z
        .array(
          z.object({
            type: z.enum(['model', 'dataset', 'space', 'kernel', 'bucket', 'user', 'org']),
            name: z.string().min(1).max(256),
            permission: z.enum(['read', 'write']),
          }),
        )
        .max(100)
        .nullish(),
    }),
  ),
  answer: reply<{ readonly token: TokenReply; readonly secret: string }>(),
  replies: [201],
  errors: ['InvalidBody', 'Conflict', 'TooManyItems', 'RepoNotFound'],
});

export const renameToken = route({
  method: 'PATCH',
  path: '/api/settings/tokens/:token',
  access: signedIn('account'),
  summary: 'Give an access token another name.',
  query: ignored,
  body: jsonBody(z.object({ name: z.string() })),
  replies: [204],
  errors: ['NotFound', 'InvalidBody', 'Conflict'],
});

export const deleteToken = route({
  method: 'DELETE',
  path: '/api/settings/tokens/:token',
  access: signedIn('account'),
  summary: 'Revoke an access token, or all that a program let in by OAuth holds.',
  query: ignored,
  body: noBody,
  replies: [204],
  errors: ['NotFound'],
});

export interface SessionReply {
  readonly id: string;
  /** How the browser calls itself. */
  readonly client: string;
  /** Address it signed in from; empty where that was not noted. */
  readonly place: string;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly isCurrent: boolean;
}

export const listSessions = route({
  method: 'GET',
  path: '/api/settings/sessions',
  access: signedIn('account'),
  summary: 'The browsers in which the caller is signed in.',
  query: ignored,
  body: noBody,
  answer: reply<{ readonly sessions: readonly SessionReply[] }>(),
});

export const deleteOtherSessions = route({
  method: 'DELETE',
  path: '/api/settings/sessions',
  access: signedIn('account'),
  summary: 'Sign the caller out everywhere but in the session that asks.',
  query: ignored,
  body: noBody,
  replies: [204],
});

export const deleteSession = route({
  method: 'DELETE',
  path: '/api/settings/sessions/:session',
  access: signedIn('account'),
  summary: 'Sign the caller out in one browser.',
  query: ignored,
  body: noBody,
  replies: [204],
  errors: ['NotFound'],
});

export const revokeCredentials = route({
  method: 'POST',
  path: '/api/credentials/revoke',
  access: capability('having a token is the right to end it'),
  summary: 'End tokens that have leaked. Says nothing about which of them were good.',
  query: ignored,
  body: jsonBody(z.object({ credentials: z.array(z.string().max(1000)).max(1000) })),
  replies: [202],
});

export const updateProfile = route({
  method: 'PUT',
  path: '/api/settings/profile',
  access: signedIn('account'),
  summary: 'Change the full name and e-mail address of the caller.',
  query: ignored,
  body: jsonBody(z.object({ fullName, email: email.nullable() })),
  answer: reply<UserReply>(),
});

export const changePassword = route({
  method: 'PUT',
  path: '/api/settings/password',
  access: signedIn('account'),
  summary: 'Change the password; every other session ends.',
  query: ignored,
  body: jsonBody(z.object({ current: password, next: password }), { maxBytes: PASSWORD_BODY_BYTES }),
  replies: [204],
  errors: ['InvalidCredentials', 'InvalidBody', 'TooManyRequests'],
});
