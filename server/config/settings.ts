import { z } from 'zod';
import { configSchema } from './schema.ts';
import { settingFacts } from './setting.ts';
import type { SettingFacts } from './setting.ts';

/** One setting of the schema, with the names it has outside. */
export interface Setting extends SettingFacts {
  /** As in the file, groups joined by dots: `storage.s3.bucket`. */
  readonly key: string;
  readonly path: readonly string[];
  /** `ATOLL_STORAGE_S3_BUCKET` */
  readonly variable: string;
  /** `storage-s3-bucket`, without the dashes in front. Secrets have none. */
  readonly flag: string | undefined;
  /** Absent for settings without a default, and for those that are optional. */
  readonly fallback: unknown;
}

const words = (path: readonly string[]): readonly string[] =>
  path.flatMap((part) =>
    part
      .replace(/([A-Z])/g, ' $1')
      .toLowerCase()
      .split(' '),
  );

function* walk(shape: z.core.$ZodShape, above: readonly string[]): Generator<Setting> {
  for (const [name, schema] of Object.entries(shape)) {
    const path = [...above, name];
    if (schema instanceof z.ZodObject) {
      yield* walk(schema.shape, path);
      continue;
    }
    const facts = settingFacts.get(schema as z.ZodType);
    if (!facts) throw new TypeError(`The setting ${path.join('.')} has no documentation.`);
    yield {
      ...facts,
      key: path.join('.'),
      path,
      variable: `ATOLL_${words(path).join('_').toUpperCase()}`,
      flag: facts.form === 'secret' ? undefined : words(path).join('-'),
      fallback: schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined,
    };
  }
}

/** All settings, in the order of the schema. */
export const SETTINGS: readonly Setting[] = [...walk(configSchema.shape, [])];

/** Names of the groups: `limits`, `storage`, `storage.s3`. */
export const SETTING_GROUPS: ReadonlySet<string> = new Set(
  SETTINGS.flatMap((setting) =>
    setting.path.slice(0, -1).map((_, index) => setting.path.slice(0, index + 1).join('.')),
  ),
);
