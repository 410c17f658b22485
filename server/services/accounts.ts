import type { User } from '../domain/account.ts';
import { HubError } from '../domain/errors.ts';
import type { NamespaceId } from '../domain/ids.ts';
import { parseNamespaceName } from '../domain/names.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import type { Passwords } from './passwords.ts';
import { parseEmail, parseLine } from './person-text.ts';
import { hashOfSession } from './sessions.ts';
import type { SignInLimits } from './sign-in-limits.ts';

export interface NewUser {
  readonly name: string;
  /** The name itself when left out or empty. */
  readonly fullName?: string | undefined;
  readonly email?: string | undefined;
  /** Without one the user can use tokens only. */
  readonly password?: string | undefined;
  readonly isAdmin?: boolean;
}

/** A new user, checked, with the password hashed: ready to be written. */
export interface PreparedUser {
  readonly name: string;
  readonly fullName: string;
  readonly email: string | undefined;
  readonly passwordHash: string | undefined;
  readonly isAdmin: boolean;
}

export interface PasswordChange {
  readonly user: User;
  readonly current: string;
  readonly next: string;
  /** Address of the caller, for the limits. */
  readonly source: string;
  /** The session that makes the change goes on; every other one of the user ends. */
  readonly keepSession?: string | undefined;
}

export interface Accounts {
  /** Throws InvalidName, ReservedName, InvalidBody, and Conflict when the name is taken. */
  create(user: NewUser): Promise<User>;
  /** Check a name and a password. Throws InvalidCredentials, or TooManyRequests with `retryAfterSeconds`. */
  signIn(attempt: {
    readonly name: string;
    readonly password: string;
    readonly source: string;
  }): Promise<User>;
  /** Throws InvalidCredentials when the current password is wrong, InvalidBody for the next, TooManyRequests. */
  changePassword(change: PasswordChange): Promise<void>;
  updateProfile(
    userId: NamespaceId,
    profile: { readonly fullName: string; readonly email: string | undefined },
  ): Promise<User>;
  list(): Promise<readonly User[]>;
  /** Throws NotFound. */
  get(name: string): Promise<User>;
}

export interface AccountsParts {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly passwords: Passwords;
  readonly limits: SignInLimits;
}

const wrongPassword = (): HubError => new HubError('InvalidCredentials', 'Wrong user name or password.');

/** People who can sign in. */
export function createAccounts({ db, clock, passwords, limits }: AccountsParts): Accounts {
  return {
    async create(user) {
      const prepared = await prepareUser(user, passwords);
      return db.write(({ accounts }) => accounts.createUser({ ...prepared, now: clock.now() }));
    },

    async signIn({ name, password, source }) {
      const attempt = limits.begin(name, source);
      try {
        const found = await db.read(async ({ accounts }) => {
          const user = await accounts.findUser(name);
          return user && { user, hash: await accounts.passwordHash(user.id) };
        });
        if (!(await passwords.verify(password, found?.hash)) || !found) throw wrongPassword();
        attempt.succeeded();
        return found.user;
      } finally {
        attempt.done();
      }
    },

    async changePassword({ user, current, next, source, keepSession }) {
      const attempt = limits.begin(user.name, source);
      try {
        const before = await db.read(({ accounts }) => accounts.passwordHash(user.id));
        if (!(await passwords.verify(current, before))) {
          throw new HubError('InvalidCredentials', 'The current password is wrong.');
        }
        attempt.succeeded();
      } finally {
        attempt.done();
      }
      const hash = await passwords.hash(next);
      await db.write(async ({ accounts }) => {
        await accounts.setPasswordHash(user.id, hash);
        await accounts.deleteSessions(
          user.id,
          keepSession === undefined ? undefined : hashOfSession(keepSession),
        );
      });
    },

    async updateProfile(userId, { fullName, email }) {
      const change = {
        fullName: parseLine(fullName, 'The full name'),
        email: email === undefined ? undefined : parseEmail(email),
      };
      return db.write(async ({ accounts }) => {
        const user = await accounts.findUserById(userId);
        if (!user) throw new HubError('NotFound', 'There is no such user.');
        const named = { ...change, fullName: change.fullName || user.name };
        await accounts.updateUser(userId, named);
        return { ...user, ...named };
      });
    },

    list: () => db.read(({ accounts }) => accounts.listUsers()),

    async get(name) {
      const user = await db.read(({ accounts }) => accounts.findUser(name));
      if (!user) throw new HubError('NotFound', `There is no user with the name "${name.slice(0, 100)}".`);
      return user;
    },
  };
}

/** Check a new user and hash the password, so that only the write is left to do. */
export async function prepareUser(user: NewUser, passwords: Passwords): Promise<PreparedUser> {
  const name = parseNamespaceName(user.name);
  const fullName = parseLine(user.fullName ?? '', 'The full name') || name;
  const email = user.email === undefined ? undefined : parseEmail(user.email);
  const passwordHash = user.password === undefined ? undefined : await passwords.hash(user.password);
  return { name, fullName, email, passwordHash, isAdmin: user.isAdmin ?? false };
}
