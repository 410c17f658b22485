import { z } from 'zod';
import type { Secret } from './secret.ts';
import {
  choice,
  integer,
  networkList,
  optionalSecret,
  optionalText,
  optionalUrl,
  size,
  text,
  textList,
  toggle,
  urlList,
} from './setting.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

/**
 * Every setting that is read at start. Names in the environment (`ATOLL_STORAGE_S3_BUCKET`) and on the command
 * line (`--storage-s3-bucket`) follow from the keys; `docs/configuration.md` is checked against this.
 */
export const configSchema = z.strictObject({
  host: textList({
    fallback: ['127.0.0.1', '::1'],
    atLeastOne: true,
    doc: 'Addresses to listen on. "0.0.0.0" and "::" let others on the network in.',
  }),
  port: integer({
    min: 0,
    max: 65535,
    fallback: 8790,
    doc: 'Port of the HTTP server. 0 takes any free one.',
  }),
  ssh: z.strictObject({
    port: integer({
      min: 0,
      max: 65535,
      fallback: 8722,
      doc: 'Port on which git is served by SSH, on the same addresses. 0 switches SSH off.',
    }),
  }),
  dataDir: optionalText({
    defaultText:
      '`$XDG_DATA_HOME/atoll` or `~/.local/share/atoll`; `~/Library/Application Support/atoll` on macOS; `%LOCALAPPDATA%\\atoll` on Windows',
    doc: 'Folder that holds everything the hub keeps. One hub at a time can use it.',
  }),
  name: text({ fallback: 'Atoll', doc: 'Name of the hub, shown in its pages.' }),
  publicUrls: urlList({
    doc: 'URLs at which people reach the hub, for example through a proxy. The first is used where one has to be chosen.',
  }),
  allowedHosts: textList({
    fallback: [],
    doc: 'Host names, beside those of publicUrls and the addresses the hub listens on, under which it answers.',
  }),
  trustedProxies: networkList({
    doc: 'Addresses or networks, such as "10.0.0.0/8", of reverse proxies before the hub. From them alone X-Forwarded-For is believed about who calls, which limits count by, and X-Forwarded-Proto and X-Forwarded-Host about the URL that was asked for.',
  }),
  requireSignIn: toggle({
    fallback: false,
    doc: 'Ask everyone to sign in, also to read public repositories.',
  }),
  logLevel: choice(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
    fallback: 'info',
    doc: 'The least serious messages that are logged.',
  }),
  logFormat: choice(['auto', 'json', 'pretty'], {
    fallback: 'auto',
    doc: 'JSON lines or readable text; "auto" is readable on a terminal and JSON elsewhere.',
  }),
  drainSeconds: integer({
    min: 0,
    max: 3600,
    fallback: 20,
    doc: 'How long a stop waits for what is under way.',
  }),
  limits: z.strictObject({
    inlineFileSize: size({
      min: MIB,
      max: 100 * MIB,
      fallback: 10 * MIB,
      doc: 'Largest file that a commit may carry in its own body; larger ones go through LFS or Xet.',
    }),
    largeFileSize: size({
      min: MIB,
      max: 1024 * TIB,
      fallback: 5 * TIB,
      doc: 'Largest single file.',
    }),
    apiRequests: integer({
      min: 0,
      max: 1_000_000_000,
      fallback: 0,
      doc: 'API requests in 5 minutes for each user, or for each address that does not sign in. 0 is no limit; requests of this computer itself are never limited.',
    }),
    packCache: size({
      min: 0,
      max: TIB,
      fallback: 2 * GIB,
      doc: 'Room in the data folder for packs that answered a git clone, so that the next one gets them at once. 0 keeps none.',
    }),
    partSize: size({
      min: 5 * MIB,
      max: 5 * GIB,
      fallback: 64 * MIB,
      doc: 'Size of the parts in which large files are uploaded by LFS.',
    }),
  }),
  uploads: z.strictObject({
    expiryHours: integer({
      min: 1,
      max: 24 * 90,
      fallback: 24,
      doc: 'How long an unfinished upload, or one that no commit uses, is kept.',
    }),
    convertToXet: toggle({
      fallback: true,
      doc: 'Keep large files that came by LFS in chunks, in the background, where they share many with others.',
    }),
  }),
  storage: z.strictObject({
    kind: choice(['local', 's3'], {
      fallback: 'local',
      doc: 'Where packs and large files are kept: in the data folder or in an S3 bucket.',
    }),
    s3: z.strictObject({
      endpoint: optionalUrl({ doc: 'URL of the S3 server. Left out, it is that of AWS in the region.' }),
      region: text({ fallback: 'us-east-1', doc: 'Region of the bucket.' }),
      bucket: optionalText({ doc: 'Name of the bucket; made at start if it does not exist.' }),
      prefix: optionalText({ doc: 'Put in front of every key, so that a bucket can be shared.' }),
      accessKeyId: optionalText({
        doc: 'Access key that may read and write the bucket.',
      }),
      secretAccessKey: optionalSecret({ doc: 'Secret of the access key.' }),
    }),
  }),
});

type Loaded = z.output<typeof configSchema>;

/** A bucket of an S3 server, complete. */
export interface S3Settings {
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string | undefined;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
}

export type StorageSettings = { readonly kind: 'local' } | { readonly kind: 's3'; readonly s3: S3Settings };

/** The boot settings, complete and checked. Sizes are in bytes. */
export type Config = Readonly<Omit<Loaded, 'dataDir' | 'storage'>> & {
  /** Absolute path. */
  readonly dataDir: string;
  readonly storage: StorageSettings;
};

/** The storage that is chosen, or the keys of what it still needs. */
export function completeStorage({
  kind,
  s3,
}: Loaded['storage']): StorageSettings | { readonly missing: readonly string[] } {
  if (kind === 'local') return { kind };
  const { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey } = s3;
  if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    const needed = Object.entries({ bucket, accessKeyId, secretAccessKey });
    return {
      missing: needed.filter(([, value]) => value === undefined).map(([name]) => `storage.s3.${name}`),
    };
  }
  return { kind, s3: { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey } };
}
