/**
 * What the desktop shell and the hub say to each other. The shell forks `server/main.ts` as an Electron
 * utility process; messages travel over `process.parentPort`, and each side parses what arrives before it
 * believes it. Without a parent port the hub runs headless and none of this is used.
 */
import { z } from 'zod';

/** Why a hub could not start, as far as a person can do something about it. Everything else is `StartFailed`. */
export const hubFailureCodes = [
  'PortTaken',
  'DataFolderLocked',
  'FolderNotWritable',
  'NewerDatabase',
  'BadConfig',
  'StartFailed',
] as const;

export type HubFailureCode = (typeof hubFailureCodes)[number];

/** Facts the error page shows. All optional: a page must make sense without any of them. */
const failureDetails = z.object({
  /** PortTaken: the port that was asked for. */
  port: z.number().int().min(1).max(65_535).optional(),
  /** PortTaken, DataFolderLocked: the program that has it, for people: "nginx (pid 812)". */
  holder: z.string().optional(),
  /** DataFolderLocked, FolderNotWritable, NewerDatabase: the folder in question. */
  folder: z.string().optional(),
  /** BadConfig: one sentence per problem, each naming the key and where it was set. */
  problems: z.array(z.string()).optional(),
  /** NewerDatabase: the version of the program that wrote the database. */
  writtenBy: z.string().optional(),
});

export type HubFailureDetails = z.infer<typeof failureDetails>;

/** Hub to shell. */
export const hubMessage = z.discriminatedUnion('type', [
  /** The hub answers at `url` (an origin). `setupUrl` is the one-time link of a hub without accounts. */
  z.object({
    type: z.literal('ready'),
    url: z.url({ protocol: /^https?$/ }),
    setupUrl: z.url({ protocol: /^https?$/ }).optional(),
  }),
  /** The hub cannot start and is about to exit. `message` is one sentence for people. */
  z.object({
    type: z.literal('failed'),
    code: z.enum(hubFailureCodes),
    message: z.string(),
    details: failureDetails.default({}),
  }),
  /** Everything under way has finished; the process exits next. */
  z.object({ type: z.literal('stopped') }),
]);

export type HubMessage = z.infer<typeof hubMessage>;
/** What the hub writes: as {@link HubMessage}, but `details` may be left out. */
export type OutgoingHubMessage = z.input<typeof hubMessage>;

/** Shell to hub. `stop`: take nothing new, finish what is under way (20 s at most), say `stopped`, exit 0. */
export const shellMessage = z.discriminatedUnion('type', [z.object({ type: z.literal('stop') })]);

export type ShellMessage = z.infer<typeof shellMessage>;
