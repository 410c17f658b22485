import { z } from 'zod';
import type { User } from '../../domain/account.ts';
import { askPassword, PASSWORD_FLAGS } from '../ask-password.ts';
import { defineCommand, isoTime, writeTable } from '../command.ts';
import type { CommandFlag, Given } from '../command.ts';

export interface UserResult {
  readonly id: string;
  readonly name: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly isAdmin: boolean;
  readonly createdAt: string;
}

const resultOf = (user: User): UserResult => ({
  id: user.publicId,
  name: user.name,
  fullName: user.fullName,
  email: user.email ?? null,
  isAdmin: user.isAdmin,
  createdAt: isoTime(user.createdAt),
});

const PROFILE_FLAGS = {
  fullname: { form: 'value', value: 'TEXT', doc: 'Full name; the name itself if left out.' },
  email: { form: 'value', value: 'ADDRESS', doc: 'E-mail address.' },
} as const satisfies Record<string, CommandFlag>;

const newUser = z.object({
  name: z.string(),
  fullName: z.string().optional(),
  email: z.string().optional(),
  password: z.string().optional(),
  isAdmin: z.boolean(),
});

const profileOf = (given: Given) => ({
  name: given.positionals[0] ?? '',
  fullName: given.flag('fullname'),
  email: given.flag('email'),
});

export const adminCreate = defineCommand({
  name: 'admin create',
  summary: 'Create a user who administers the hub. Asks for the password.',
  positionals: ['NAME'],
  flags: { ...PROFILE_FLAGS, ...PASSWORD_FLAGS },
  input: newUser,
  prepare: async (given, terminal) => ({
    ...profileOf(given),
    password: await askPassword(given, terminal),
    isAdmin: true,
  }),
  run: async ({ accounts }, user) => resultOf(await accounts.create(user)),
  print: ({ name }) => `Created the administrator ${name}.\n`,
});

export const userCreate = defineCommand({
  name: 'user create',
  summary: 'Create a user. Asks for the password.',
  positionals: ['NAME'],
  flags: {
    ...PROFILE_FLAGS,
    ...PASSWORD_FLAGS,
    'without-password': { form: 'switch', doc: 'The user can only use access tokens.' },
    admin: { form: 'switch', doc: 'The user administers the hub.' },
  },
  input: newUser,
  prepare: async (given, terminal) => ({
    ...profileOf(given),
    password: given.has('without-password') ? undefined : await askPassword(given, terminal),
    isAdmin: given.has('admin'),
  }),
  run: async ({ accounts }, user) => resultOf(await accounts.create(user)),
  print: ({ name, isAdmin }) => `Created the ${isAdmin ? 'administrator' : 'user'} ${name}.\n`,
});

export const userList = defineCommand({
  name: 'user list',
  summary: 'List the users.',
  positionals: [],
  flags: {},
  input: z.object({}),
  prepare: () => ({}),
  run: async ({ accounts }) => (await accounts.list()).map(resultOf),
  print: (users) =>
    writeTable(
      ['NAME', 'FULL NAME', 'E-MAIL', 'ROLE', 'CREATED'],
      users.map(({ name, fullName, email, isAdmin, createdAt }) => [
        name,
        fullName,
        email ?? '',
        isAdmin ? 'admin' : '',
        createdAt,
      ]),
    ),
});
