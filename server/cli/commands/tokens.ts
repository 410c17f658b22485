import { z } from 'zod';
import type { AccessToken, TokenRole } from '../../domain/account.ts';
import { HubError } from '../../domain/errors.ts';
import { defineCommand, isoTime, writeTable } from '../command.ts';

const DAY_MS = 86_400_000;

export interface TokenResult {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly role: TokenRole;
  readonly prefix: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

const resultOf = (user: string, token: AccessToken): TokenResult => ({
  id: token.publicId,
  user,
  name: token.name,
  role: token.role,
  prefix: token.prefix,
  createdAt: isoTime(token.createdAt),
  expiresAt: token.expiresAt === undefined ? null : isoTime(token.expiresAt),
  lastUsedAt: token.lastUsedAt === undefined ? null : isoTime(token.lastUsedAt),
});

const invalid = (message: string): HubError => new HubError('InvalidRequest', message);

function parseRole(text = 'write'): 'read' | 'write' {
  if (text === 'read' || text === 'write') return text;
  throw invalid('--role must be "read" or "write".');
}

function parseDays(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > 3650) throw invalid('--expires-in-days must be a whole number from 1 to 3650.');
  return days;
}

export const tokenCreate = defineCommand({
  name: 'token create',
  summary: 'Create an access token and print it, this once.',
  positionals: ['USER'],
  flags: {
    name: { form: 'value', value: 'TEXT', doc: 'Name of the token; "cli" if left out.' },
    role: { form: 'value', value: 'ROLE', doc: '"read" or "write" (the default).' },
    'expires-in-days': { form: 'value', value: 'DAYS', doc: 'When it stops to work; never if left out.' },
  },
  input: z.object({
    user: z.string(),
    name: z.string(),
    role: z.enum(['read', 'write']),
    expiresInDays: z.number().optional(),
  }),
  prepare: (given) => ({
    user: given.positionals[0] ?? '',
    name: given.flag('name') ?? 'cli',
    role: parseRole(given.flag('role')),
    expiresInDays: parseDays(given.flag('expires-in-days')),
  }),
  run: async ({ accounts, tokens, now }, { user: userName, name, role, expiresInDays }) => {
    const user = await accounts.get(userName);
    const expiresAt = expiresInDays === undefined ? undefined : now() + expiresInDays * DAY_MS;
    const { token, secret } = await tokens.create(user.id, { name, role, expiresAt });
    return { ...resultOf(user.name, token), secret };
  },
  print: ({ secret }) => `${secret}\n`,
});

export const tokenList = defineCommand({
  name: 'token list',
  summary: 'List the access tokens of a user.',
  positionals: ['USER'],
  flags: {},
  input: z.object({ user: z.string() }),
  prepare: (given) => ({ user: given.positionals[0] ?? '' }),
  run: async ({ accounts, tokens }, { user: userName }) => {
    const user = await accounts.get(userName);
    return (await tokens.list(user.id)).map((token) => resultOf(user.name, token));
  },
  print: (tokens) =>
    writeTable(
      ['NAME', 'ROLE', 'STARTS WITH', 'ID', 'CREATED', 'EXPIRES', 'LAST USED'],
      tokens.map(({ name, role, prefix, id, createdAt, expiresAt, lastUsedAt }) => [
        name,
        role,
        prefix,
        id,
        createdAt,
        expiresAt ?? 'never',
        lastUsedAt ?? 'never',
      ]),
    ),
});

export const tokenRevoke = defineCommand({
  name: 'token revoke',
  summary: 'Revoke an access token of a user, by name or id.',
  positionals: ['USER', 'TOKEN'],
  flags: {},
  input: z.object({ user: z.string(), token: z.string() }),
  prepare: (given) => ({ user: given.positionals[0] ?? '', token: given.positionals[1] ?? '' }),
  run: async ({ accounts, tokens }, { user: userName, token: wanted }) => {
    const user = await accounts.get(userName);
    const all = await tokens.list(user.id);
    const token = all.find(({ publicId }) => publicId === wanted) ?? all.find(({ name }) => name === wanted);
    if (!token) throw new HubError('NotFound', `${user.name} has no access token with this name or id.`);
    await tokens.revoke(user.id, token.publicId);
    return resultOf(user.name, token);
  },
  print: ({ user, name }) => `Revoked the token "${name}" of ${user}.\n`,
});
