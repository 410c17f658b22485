import { z } from 'zod';
import { Secret } from './secret.ts';

/** How a setting is written as text, in the environment and on the command line. */
export type SettingForm = 'text' | 'number' | 'switch' | 'list' | 'size' | 'secret';

export interface SettingFacts {
  readonly form: SettingForm;
  /** One or two sentences for the documentation and the help of the command line. */
  readonly doc: string;
  /** The default in words, when the value itself does not say it. */
  readonly defaultText?: string;
}

/** What is known about each leaf of the schema beside its type. */
export const settingFacts = z.registry<SettingFacts>();

type Facts = Omit<SettingFacts, 'form'>;

const register = <Schema extends z.ZodType>(schema: Schema, form: SettingForm, facts: Facts): Schema => {
  settingFacts.add(schema, { form, ...facts });
  return schema;
};

const noControl = (text: string): boolean => {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return false;
  }
  return true;
};

const line = (longest: number) =>
  z
    .string('must be text')
    .min(1, 'must not be empty')
    .max(longest, `must have at most ${longest} characters`)
    .refine(noControl, 'must not have control characters');

/** One line of text. */
export const text = (facts: Facts & { readonly fallback: string }) => {
  const { fallback, ...rest } = facts;
  return register(line(1024).default(fallback), 'text', rest);
};

/** One line of text that may be left out. */
export const optionalText = (facts: Facts) => register(line(1024).optional(), 'text', facts);

/** A URL with http or https. Trailing slashes are dropped. */
export const optionalUrl = (facts: Facts) => register(webUrl.optional(), 'text', facts);

const webUrl = line(2048).transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    context.issues.push({
      code: 'custom',
      input: value,
      message: 'must be a URL that starts with http:// or https://, without a user name or password',
    });
    return z.NEVER;
  }
  return value.replace(/\/+$/, '');
});

export const urlList = (facts: Facts) => register(z.array(webUrl).default([]), 'list', facts);

/** Several lines of text; a single one may stand alone. */
export const textList = (
  facts: Facts & { readonly fallback: readonly string[]; readonly atLeastOne?: boolean },
) => {
  const { fallback, atLeastOne, ...rest } = facts;
  const list = z
    .union([line(253).transform((value) => [value]), z.array(line(253))], 'must be text or a list of texts')
    .refine((values) => values.length > 0 || !atLeastOne, 'must have at least one entry')
    .default([...fallback]);
  return register(list, 'list', rest);
};

const network = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'must be an IP address or a network, such as "10.0.0.0/8" or "fd00::/8"',
);

/** Addresses and networks in CIDR notation; a single one may stand alone. */
export const networkList = (facts: Facts) =>
  register(
    z
      .union(
        [network.transform((value) => [value]), z.array(network)],
        'must be IP addresses or networks, such as "10.0.0.0/8" or "fd00::/8"',
      )
      .default([]),
    'list',
    facts,
  );

export const integer = (
  facts: Facts & { readonly min: number; readonly max: number; readonly fallback: number },
) => {
  const { min, max, fallback, ...rest } = facts;
  const message = `must be a whole number from ${min} to ${max}`;
  return register(z.int(message).min(min, message).max(max, message).default(fallback), 'number', rest);
};

export const toggle = (facts: Facts & { readonly fallback: boolean }) => {
  const { fallback, ...rest } = facts;
  return register(z.boolean('must be true or false').default(fallback), 'switch', rest);
};

export const choice = <const Values extends readonly [string, ...string[]]>(
  values: Values,
  facts: Facts & { readonly fallback: Values[number] },
) => {
  const { fallback, ...rest } = facts;
  const schema = z.enum(values, `must be one of ${values.map((value) => `"${value}"`).join(', ')}`);
  return register(schema.default(fallback as never), 'text', rest);
};

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

function parseSize(value: number | string): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const match = /^(\d{1,16}) ?([kmgt]?i?b?)$/i.exec(value);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? 'none'];
  if (!match || unit === undefined) return undefined;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `8 MiB` for a number of bytes, with the largest unit that divides it. */
export function writeSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const factor = UNITS[unit.toLowerCase()] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return `${bytes} B`;
}

/** A number of bytes: `1048576`, `10 MiB`, `5GB`. */
export const size = (
  facts: Facts & { readonly min: number; readonly max: number; readonly fallback: number },
) => {
  const { min, max, fallback, ...rest } = facts;
  const message = `must be a size from ${writeSize(min)} to ${writeSize(max)}, such as "16 MiB" or a number of bytes`;
  const schema = z
    .union([z.number(), z.string()], message)
    .transform((value, context) => {
      const bytes = parseSize(value);
      if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
      context.issues.push({ code: 'custom', input: value, message });
      return z.NEVER;
    })
    .default(fallback);
  return register(schema, 'size', rest);
};

/** A secret that may be left out. It has no flag: what stands on a command line can be read by everyone. */
export const optionalSecret = (facts: Facts) =>
  register(
    line(4096)
      .transform((value) => new Secret(value))
      .optional(),
    'secret',
    facts,
  );
