import type { Repo, RepoKind } from '../domain/repo.ts';
import type { Config } from '../config/schema.ts';
import type { Accounts } from '../services/accounts.ts';
import type { Apply } from '../services/apply.ts';
import type { DoctorReport } from '../services/doctor-findings.ts';
import type { Imports } from '../services/imports.ts';
import type { Tokens } from '../services/tokens.ts';

/** What the commands ask of the hub, whether it runs in another process or is opened for the command. */
export interface CommandServices {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly accounts: Pick<Accounts, 'create' | 'list' | 'get'>;
  readonly tokens: Pick<Tokens, 'create' | 'list' | 'revoke'>;
  readonly apply: Apply;
  /** Every repository, in order of creation. */
  readonly listRepos: () => Promise<readonly Repo[]>;
  /** Write a repository as a bare git repository into a folder that is empty or absent. Throws RepoNotFound. */
  readonly exportRepo: (kind: RepoKind, fullName: string, folder: string) => Promise<unknown>;
  readonly importRepo: Imports['importRepo'];
  readonly runDoctor: (options: { readonly full: boolean }) => Promise<DoctorReport>;
}

/** A hub without its servers, opened for one command. */
export interface OpenedHub {
  readonly services: CommandServices;
  close(): Promise<void>;
}

/** Take the data folder and open the stores. Throws Conflict when another process has the folder. */
export type OpenHub = (config: Config) => Promise<OpenedHub>;
